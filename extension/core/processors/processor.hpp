// What a built-in processor is: records of one partition go in, in offset order; points come out.
//
// A processor is a pure function of (manifest, artefact, state, records): it knows no clock, no server and no
// thread. Its caller reads records from the log, hands them over in any grouping, and commits points, cursor
// and saved state in one transaction. Grouping never shows: process(a); process(b) gives the same bytes as
// process(a + b), also with save_state and load_state into a new processor in between.
//
// Fitting happens once per version: a Fitter reads the first records of the version's fit partition and gives
// an immutable artefact. Every processor of the version, whatever its partition, is then made from that
// artefact, and the records which the fitter read are processed like all others.
//
// Where a stream goes on in another partition (the model's number of partitions has changed), the processor
// there inherits what the one before kept of the stream, and the stream's points are those that they would
// have been in one partition.
//
// A record that a processor cannot use is handed to reject() with a stable reason code and is otherwise
// ignored; the cursor goes on. process() throws only what is not the record's fault (no memory, a bug, the
// sink); the processor is then of no further use, and what it gave out is to be rolled back.
//
// Determinism: same build, same input, same bytes, on any machine. Hence no unordered iteration, no random
// device, no libm function but sqrt (the C library picks its variants by CPU), and no product whose summation
// order depends on cache sizes or on how records were grouped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace soup::manifest {
struct Manifest;
}

namespace soup::processors {

/// One record as the log holds it. All views must live until process() or add() returns.
struct InputRecord {
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    std::string_view stream;
    std::optional<std::int64_t> time_us; ///< Producer's time given with the append, unix µs.
    std::int64_t received_us = 0;        ///< Server's time of receipt, unix µs.
    std::string_view content_type;       ///< Of the batch, with parameters.
    std::span<const std::byte> bytes;
};

/// An attribute's value; timestamptz is an int64 in unix µs. Kinds follow the declared type, so a caller may
/// rely on: boolean → bool; integer, bigint, timestamptz → int64; real, double → double; text → string.
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

struct Point {
    std::string key;
    std::optional<std::int64_t> time_us;
    std::vector<float> vector; ///< Empty where the manifest declares none.
    std::vector<double>
        position; ///< As declared: the fields in order; latlon is [latitude, longitude] in degrees.
    std::vector<Value> attributes; ///< In manifest order.
    std::int32_t partition = 0;
    std::int64_t offset = 0; ///< Of the record that completed the point: its `source`.
    std::int64_t received_us = 0;
};

class PointSink {
public:
    virtual ~PointSink() = default;
    virtual void point(Point&&) = 0;
    /// The record is unusable: quarantine it. `reason_code` has static storage; see reason:: below.
    virtual void reject(const InputRecord&, std::string_view reason_code) = 0;
};

/// Stable codes of rejected records. Published: they don't change.
namespace reason {
inline constexpr std::string_view bad_record = "BAD_RECORD"; ///< Malformed, a field missing, not finite.
inline constexpr std::string_view wrong_type = "WRONG_TYPE"; ///< A content type this processor doesn't read.
inline constexpr std::string_view wrong_size = "WRONG_SIZE"; ///< Vector or image of another size.
inline constexpr std::string_view out_of_range = "OUT_OF_RANGE"; ///< A number beyond what its field may hold.
inline constexpr std::string_view bad_key = "BAD_KEY";           ///< Key field missing, empty or too long.
} // namespace reason

/// Totals since the first record of the version in this partition, never inherited. Part of the saved state,
/// so they count every record once whatever is killed meanwhile. `streams_restarted`: windows given up
/// because the state was full.
struct Counters {
    std::uint64_t records = 0;
    std::uint64_t points = 0;
    std::uint64_t rejected = 0;
    std::uint64_t streams_restarted = 0;
    friend bool operator==(const Counters&, const Counters&) = default;
};

/// A saved state never exceeds this.
inline constexpr std::size_t state_bytes_max = 1 << 20;
/// A fitted artefact never exceeds this; validate() refuses parameters that would.
inline constexpr std::size_t artefact_bytes_max = 16 << 20;

class Processor {
public:
    virtual ~Processor() = default;
    /// Records of one partition, ascending offsets, going on where the last call (or the loaded state) ended.
    /// Every point that these records complete has reached the sink when it returns.
    virtual void process(std::span<const InputRecord> records, PointSink& sink) = 0;
    virtual std::vector<std::byte> save_state() const = 0;
    /// Replaces the state. Error XX001 for bytes that save_state of the same manifest didn't write; the
    /// processor is then of no further use.
    virtual void load_state(std::span<const std::byte> state) = 0;
    /// Takes over, from a state that save_state of the same manifest and artefact wrote in another partition,
    /// what it keeps of the streams that `is_inherited` names; counters stay where they were counted. Before
    /// the first record; from several states one after another, in an order that is always the same, since it
    /// decides which of streams that were used at the same time count as used later. Errors as load_state,
    /// also where two states hold one stream. Nothing to do for a processor that keeps nothing of a stream.
    virtual void inherit(std::span<const std::byte>, const std::function<bool(std::string_view)>&) {}
    virtual const Counters& counters() const = 0;
};

/// Collects the first windows (for images: the first images) and fits.
class Fitter {
public:
    virtual ~Fitter() = default;
    /// Records from the start of the version's first interval in the fit partition, ascending offsets. True
    /// as soon as enough windows are there; what follows in this and later calls is ignored.
    virtual bool add(std::span<const InputRecord> records) = 0;
    /// Whether a record was of use so far. Until then the fitter is as new: what a record is good for doesn't
    /// depend on unusable ones before it, so another fitter may go on behind them.
    virtual bool has_used_records() const = 0;
    virtual std::size_t windows_seen() const = 0;
    virtual std::size_t windows_needed() const = 0;
    /// Fits and encodes. Error 55000 when add() hasn't said that it is complete. May take seconds.
    virtual std::vector<std::byte> artefact() const = 0;
};

/// Refuses, at version creation, what this manifest's processor cannot do: Error 22023 naming the field by
/// its JSON pointer. All the functions below expect a manifest that passed.
void validate(const manifest::Manifest& manifest);
/// Whether the version needs an artefact before any record can be processed.
bool needs_fit(const manifest::Manifest& manifest);
/// Only for a manifest that needs_fit().
std::unique_ptr<Fitter> make_fitter(const manifest::Manifest& manifest);
/// `artefact` is empty for a manifest that doesn't need a fit. Error XX001 for an artefact that doesn't
/// belong to the manifest or is damaged.
std::unique_ptr<Processor> make_processor(const manifest::Manifest& manifest,
                                          std::span<const std::byte> artefact);

} // namespace soup::processors
