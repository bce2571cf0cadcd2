// The one read path to raw batches.
//
// A Reader walks one partition of a model's raw log in offset order, in one of a version's two lanes, through
// the leaves' unique index (default lane) or their partial index on explicit_version (label lane). It goes
// past the executor, so row-level security does not see it; instead it refuses unless the version's own
// VersionScope is bound.
//
// What is read is checked: in the default lane each batch has to begin where the one before it ended, batches
// of the other lane included, and each frame has to decode to as many records as its row says. A hole, an
// overlap or a damaged frame is XX001 and names partition and offset; nothing is skipped in silence.
//
// The snapshot is taken when the Reader is made. Batches of a partition commit in offset order (they take
// their offsets under the partition's row lock), so a snapshot sees a prefix of the log: whatever lay below a
// committed next_offset is there. A Reader lives inside one transaction; after an ERROR the transaction's
// abort frees what it held.
#pragma once

#include "boundary/boundary.hpp"
#include "core/crypto/uuid.hpp"
#include "core/frame/frame.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>

namespace soup::rawlog {

using crypto::Uuid;

/// Records without a label, or those that named the version's label.
enum class Lane { default_routed, labelled };

/// One stored batch. The records asked for are frame[begin_index] up to, not including, frame[end_index];
/// record i has the offset first_offset + i.
struct Batch {
    std::int64_t first_offset;
    std::int32_t record_count;
    std::int32_t begin_index;
    std::int32_t end_index;
    std::int64_t received_us; ///< Server time of receipt, unix µs; never falls within a partition.
    std::string stream;
    std::string content_type;
    frame::Frame frame;
};

/// As to_offset: read whatever the snapshot holds.
constexpr std::int64_t to_head = std::numeric_limits<std::int64_t>::max();

class Reader {
public:
    /// Reads offsets [from_offset, to_offset). With a to_offset other than to_head the caller states that the
    /// log reaches that far (it is at most a committed next_offset): in the default lane a missing end is
    /// then a hole too. Throws NOT_BOUND or SCOPE unless exactly this version's VersionScope is bound.
    Reader(const Uuid& org, const Uuid& model, std::int32_t partition, Lane lane, const Uuid& version,
           std::int64_t from_offset, std::int64_t to_offset = to_head);
    ~Reader();
    Reader(Reader&&) noexcept;
    Reader& operator=(Reader&&) = delete;

    /// The next batch with records of this lane inside the range, or nothing at its end.
    std::optional<Batch> next();

    /// Default lane: every offset of the range below this one has been returned or belongs to the other lane;
    /// a cursor may move here although the last batches held nothing for it. Label lane: one past the last
    /// record returned.
    std::int64_t position() const noexcept;

private:
    class Scan;
    std::unique_ptr<Scan> scan_;
};

} // namespace soup::rawlog
