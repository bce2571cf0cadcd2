// One look at whether there is enough to learn from.
//
// A look reads the log from the first record of use, so it must not happen on every append. A record
// completes at most one window: with m windows missing, fewer than m more records cannot be enough, and
// look_again_at says so in terms of the lanes' heads, which soup.work compares. Looks thus become rarer the
// more is missing.
//
// That alone would read a log of n records n / m times for a version that never learns. Therefore:
//
// - While no record was of use (the manifest misspells a channel), the next look begins where this one ended:
//   the log is read once. Both lanes' places are kept in soup.fit. It changes nothing of what is learnt,
//   since whether a record is of use does not depend on others, and nothing is added before those places: a
//   version's intervals begin at 0 and grow at their end only (soup_api.promote).
// - Otherwise a look that took long is followed by a pause of some times its length, so such looks take a
//   bounded part of a worker's time. Not a number of records: producers may fall silent once there are
//   enough, and a version that waited for more would never learn. The windows are not kept from look to look:
//   they may be 128 MiB, and what a look reads anew is all that a killed worker loses.
// - soup.work orders fits by their last look as it orders lanes by their last slice.
//
// What is learnt does not depend on when somebody looked: a look sees all records of both lanes before the
// partition's head, feeds them in the order of offsets, and stops at the same one. Only a promotion that
// comes before the last look adds the default lane's.
//
// A partition whose epoch is over gets no more records: if those it has are not enough, the version learns
// from the lowest-numbered partition of the next epoch.
//
// The row of soup.fit is the claim. begin() counts the attempt before it starts, as for cursors: a fit that
// kills its worker again and again suspends the version.
#include "bgworkers/fit.hpp"

#include "access/scope.hpp"
#include "bgworkers/failure.hpp"
#include "bgworkers/limits.hpp"
#include "bgworkers/ranges.hpp"
#include "bgworkers/version.hpp"
#include "bgworkers/work_list.hpp"
#include "boundary/transaction.hpp"
#include "core/crypto/digest.hpp"
#include "core/processors/processor.hpp"
#include "rawlog/reader.hpp"

#include <chrono>

namespace soup::workers {

namespace {

using processors::InputRecord;

/// An offset in each lane of the fit's partition.
struct Places {
    std::int64_t by_default = 0;
    std::int64_t by_label = 0;
};

/// What is to be read: ranges of both lanes, which end at their heads.
struct Extent {
    std::vector<Range> default_ranges, label_ranges;
    Places heads;
};

struct FitClaim {
    int attempts; ///< Those that did not end.
    Places from;  ///< No record before them is of use.
};

/// Locks the row if the fit is still to be done, from this partition, and no pause is on.
std::optional<FitClaim> claim_fit(pg::Spi& spi, const LaneKey& key, bool respects_pause) {
    static constinit pg::Plan plan{
        "SELECT attempts, default_from, label_from FROM soup.fit "
        "WHERE org = $1 AND model = $2 AND version = $3 AND fitted_at IS NULL AND partition = $5 "
        "AND (retry_at <= clock_timestamp() OR NOT $4) FOR NO KEY UPDATE SKIP LOCKED",
        {UUIDOID, UUIDOID, UUIDOID, BOOLOID, INT4OID}};
    pg::Rows rows =
        spi.run(plan, {pg::make_uuid(key.org), pg::make_uuid(key.model), pg::make_uuid(key.version),
                       BoolGetDatum(respects_pause), Int32GetDatum(key.partition)});
    if (rows.empty()) return std::nullopt;
    return FitClaim{rows[0].int4(1), {rows[0].int8(2), rows[0].int8(3)}};
}

bool begin(const LaneKey& key) {
    static constinit pg::Plan plan{
        "UPDATE soup.fit SET attempts = attempts + 1, retry_at = CASE WHEN attempts > 0 THEN "
        "clock_timestamp() "
        "+ least($5, $4 * 2 ^ least(attempts, 20)) * interval '1 ms' ELSE retry_at END "
        "WHERE org = $1 AND model = $2 AND version = $3",
        {UUIDOID, UUIDOID, UUIDOID, INT8OID, INT8OID}};
    bool has_begun = false;
    pg::in_transaction([&] {
        access::VersionScope scope(key.org, key.model, key.version);
        pg::Spi spi;
        const auto claim = claim_fit(spi, key, true);
        if (!claim) return;
        if (claim->attempts >= limits::unfinished_attempts_max) {
            suspend_version(spi, key, std::to_string(claim->attempts) + " attempts to learn did not end");
            return;
        }
        spi.run(plan, {pg::make_uuid(key.org), pg::make_uuid(key.model), pg::make_uuid(key.version),
                       Int64GetDatum(limits::pause_ms_base), Int64GetDatum(limits::pause_ms_max)});
        has_begun = true;
    });
    return has_begun;
}

/// One statement, so one snapshot: both lanes end at the same moment, and records are fed in the same order
/// whenever somebody looks.
Extent read_extent(pg::Spi& spi, const LaneKey& key, const Places& from) {
    static constinit pg::Plan plan{
        "SELECT p.next_offset, coalesce(h.head_offset, 0), i.from_offset, i.to_offset FROM soup.partition p "
        "LEFT JOIN soup.label_head h ON h.org = p.org AND h.model = p.model AND h.version = $3 "
        "AND h.partition = p.partition "
        "LEFT JOIN soup.version_interval i ON i.org = p.org AND i.model = p.model AND i.version = $3 "
        "AND i.partition = p.partition WHERE p.org = $1 AND p.model = $2 AND p.partition = $4",
        {UUIDOID, UUIDOID, UUIDOID, INT4OID}};
    Extent extent;
    std::vector<Interval> intervals;
    std::int64_t head = 0;
    for (pg::Row row : spi.run(plan, {pg::make_uuid(key.org), pg::make_uuid(key.model),
                                      pg::make_uuid(key.version), Int32GetDatum(key.partition)})) {
        head = row.int8(1);
        extent.heads.by_label = row.int8(2);
        if (!row.is_null(3))
            intervals.push_back({row.int8(3), row.is_null(4) ? std::nullopt : std::optional(row.int8(4))});
    }
    extent.default_ranges = pending_ranges(std::move(intervals), from.by_default, head);
    extent.heads.by_default =
        extent.default_ranges.empty() ? from.by_default : extent.default_ranges.back().to;
    if (extent.heads.by_label > from.by_label)
        extent.label_ranges.push_back({from.by_label, extent.heads.by_label});
    return extent;
}

/// The batches of one lane over several ranges.
class LaneReader {
public:
    LaneReader(const LaneKey& key, rawlog::Lane lane, std::vector<Range> ranges)
        : key_(key), lane_(lane), ranges_(std::move(ranges)) {
        advance();
    }
    const std::optional<rawlog::Batch>& batch() const noexcept { return batch_; }
    void advance() {
        batch_.reset();
        while (range_ < ranges_.size()) {
            if (!reader_)
                reader_ =
                    std::make_unique<rawlog::Reader>(key_.org, key_.model, key_.partition, lane_,
                                                     key_.version, ranges_[range_].from, ranges_[range_].to);
            if (auto batch = reader_->next()) {
                batch_.emplace(std::move(*batch));
                return;
            }
            reader_.reset();
            ++range_;
        }
    }

private:
    const LaneKey& key_;
    rawlog::Lane lane_;
    std::vector<Range> ranges_;
    std::size_t range_ = 0;
    std::unique_ptr<rawlog::Reader> reader_;
    std::optional<rawlog::Batch> batch_;
};

bool feed(processors::Fitter& fitter, const LaneKey& key, const rawlog::Batch& batch) {
    std::vector<InputRecord> inputs;
    for (std::int32_t i = batch.begin_index; i < batch.end_index; ++i) {
        const frame::Record record = batch.frame[static_cast<std::size_t>(i)];
        inputs.push_back({key.partition, batch.first_offset + i, batch.stream, record.time_us,
                          batch.received_us, batch.content_type, record.bytes});
    }
    return fitter.add(inputs);
}

/// Feeds both lanes in the order of offsets; batches of a partition never interleave.
bool feed_all(processors::Fitter& fitter, const LaneKey& key, const Extent& extent, Phase& phase) {
    phase = Phase::reading;
    LaneReader by_default(key, rawlog::Lane::default_routed, extent.default_ranges);
    LaneReader by_label(key, rawlog::Lane::labelled, extent.label_ranges);
    while (by_default.batch() || by_label.batch()) {
        const bool is_default_next =
            by_default.batch() &&
            (!by_label.batch() || by_default.batch()->first_offset < by_label.batch()->first_offset);
        LaneReader& next = is_default_next ? by_default : by_label;
        phase = Phase::processing;
        if (feed(fitter, key, *next.batch())) return true;
        phase = Phase::reading;
        next.advance();
        pg::call([] { CHECK_FOR_INTERRUPTS(); });
    }
    return false;
}

void store_artefact(pg::Spi& spi, const LaneKey& key, const processors::Fitter& fitter, Phase& phase) {
    static constinit pg::Plan artefact_plan{"INSERT INTO soup.artefact (org, model, version, kind, digest, "
                                            "content) VALUES ($1, $2, $3, 'fit', $4, $5)",
                                            {UUIDOID, UUIDOID, UUIDOID, BYTEAOID, BYTEAOID}};
    static constinit pg::Plan fit_plan{
        "UPDATE soup.fit SET fitted_at = clock_timestamp(), windows_seen = $4, attempts = 0, "
        "retry_at = '-infinity', last_error = NULL WHERE org = $1 AND model = $2 AND version = $3",
        {UUIDOID, UUIDOID, UUIDOID, INT4OID}};
    phase = Phase::processing;
    const std::vector<std::byte> artefact = fitter.artefact();
    phase = Phase::writing;
    const crypto::Digest digest = crypto::digest(artefact);
    const Datum org = pg::make_uuid(key.org), model = pg::make_uuid(key.model),
                version = pg::make_uuid(key.version);
    spi.run(artefact_plan, {org, model, version, pg::make_bytea(std::as_bytes(std::span(digest))),
                            pg::make_bytea(artefact)});
    spi.run(fit_plan,
            {org, model, version, Int32GetDatum(static_cast<std::int32_t>(fitter.windows_needed()))});
}

/// False while the partition's epoch lasts. The row's lock keeps soup.set_partitions out, so what was read of
/// the partition is all of it if the next epoch is there now.
bool move_to_next_epoch(pg::Spi& spi, const LaneKey& key) {
    static constinit pg::Plan plan{
        "UPDATE soup.fit f SET partition = next.first, windows_seen = 0, look_again_at = 0, "
        "default_from = 0, label_from = 0, attempts = 0, retry_at = '-infinity', "
        "looked_at = clock_timestamp(), last_error = NULL "
        "FROM (SELECT min(n.partition) AS first FROM soup.partition o "
        "JOIN soup.partition n ON n.org = o.org AND n.model = o.model AND n.epoch = o.epoch + 1 "
        "WHERE o.org = $1 AND o.model = $2 AND o.partition = $4) next "
        "WHERE f.org = $1 AND f.model = $2 AND f.version = $3 AND next.first IS NOT NULL",
        {UUIDOID, UUIDOID, UUIDOID, INT4OID}};
    return spi.run(plan, {pg::make_uuid(key.org), pg::make_uuid(key.model), pg::make_uuid(key.version),
                          Int32GetDatum(key.partition)})
               .processed() == 1;
}

/// Before the next look; none after a look that took no longer than a slice, which is most of them.
std::chrono::microseconds pause_after(std::chrono::microseconds look) {
    if (look.count() <= limits::slice_us_max) return std::chrono::microseconds(0);
    return limits::fit_pause_factor * look;
}

void store_progress(pg::Spi& spi, const LaneKey& key, const processors::Fitter& fitter, const Places& heads,
                    const Places& from, std::chrono::microseconds pause) {
    static constinit pg::Plan plan{
        "UPDATE soup.fit SET windows_seen = $4, look_again_at = $5, default_from = $6, label_from = $7, "
        "looked_at = clock_timestamp(), retry_at = clock_timestamp() + $8 * interval '1 us', attempts = 0, "
        "last_error = NULL WHERE org = $1 AND model = $2 AND version = $3",
        {UUIDOID, UUIDOID, UUIDOID, INT4OID, INT8OID, INT8OID, INT8OID, INT8OID}};
    const auto seen = static_cast<std::int64_t>(fitter.windows_seen());
    const auto missing = static_cast<std::int64_t>(fitter.windows_needed()) - seen;
    spi.run(plan, {pg::make_uuid(key.org), pg::make_uuid(key.model), pg::make_uuid(key.version),
                   Int32GetDatum(static_cast<std::int32_t>(seen)),
                   Int64GetDatum(heads.by_default + heads.by_label + std::max<std::int64_t>(missing, 1)),
                   Int64GetDatum(from.by_default), Int64GetDatum(from.by_label),
                   Int64GetDatum(static_cast<std::int64_t>(pause.count()))});
}

void record_failure(const LaneKey& key, const Fault& fault, Phase phase) {
    static constinit pg::Plan plan{
        "UPDATE soup.fit SET attempts = greatest(attempts - 1, 0), last_error = $4, "
        "looked_at = clock_timestamp(), "
        "retry_at = clock_timestamp() + $5 * (0.5 + random()) * interval '1 ms' "
        "WHERE org = $1 AND model = $2 AND version = $3 AND fitted_at IS NULL",
        {UUIDOID, UUIDOID, UUIDOID, TEXTOID, INT8OID}};
    log_failure(key, 0, fault);
    pg::in_transaction([&] {
        access::VersionScope scope(key.org, key.model, key.version);
        pg::Spi spi;
        if (is_counted(fault, phase)) count_failure(spi, key, 0, fault);
        spi.run(plan, {pg::make_uuid(key.org), pg::make_uuid(key.model), pg::make_uuid(key.version),
                       pg::make_text(fault.sqlstate), Int64GetDatum(limits::fit_pause_ms)});
    });
}

FitEnd look(const LaneKey& key, Phase& phase) {
    access::VersionScope scope(key.org, key.model, key.version);
    pg::Spi spi;
    const auto claim = claim_fit(spi, key, false);
    if (!claim) return FitEnd::unavailable;
    const Extent extent = read_extent(spi, key, claim->from);
    const std::shared_ptr<const Version> version = read_version(spi, key);
    const std::unique_ptr<processors::Fitter> fitter = processors::make_fitter(version->manifest);
    const auto began_at = std::chrono::steady_clock::now();
    if (!feed_all(*fitter, key, extent, phase)) {
        const auto length = std::chrono::duration_cast<std::chrono::microseconds>(
            std::chrono::steady_clock::now() - began_at);
        if (!move_to_next_epoch(spi, key))
            store_progress(spi, key, *fitter, extent.heads,
                           fitter->has_used_records() ? claim->from : extent.heads, pause_after(length));
        return FitEnd::waiting;
    }
    store_artefact(spi, key, *fitter, phase);
    return FitEnd::fitted;
}

} // namespace

FitEnd run_fit(const LaneKey& key) {
    if (!begin(key)) return FitEnd::unavailable;
    Phase phase = Phase::reading;
    FitEnd end = FitEnd::failed;
    std::optional<Fault> fault;
    try {
        pg::in_transaction([&] { end = look(key, phase); });
    } catch (...) {
        fault = current_fault();
    }
    if (!fault) return end;
    if (is_outdated()) return FitEnd::failed;
    record_failure(key, *fault, phase);
    return FitEnd::failed;
}

} // namespace soup::workers
