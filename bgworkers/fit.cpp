// One look at whether there is enough to learn from.
//
// A look reads the log from the version's first record, so it must not happen on every append. A record
// completes at most one window: with m windows missing, fewer than m more records cannot be enough, and
// look_again_at says so in terms of the lanes' heads, which soup.work compares. Looks thus become rarer the
// more is missing.
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

namespace soup::workers {

namespace {

using processors::InputRecord;

/// What is to be read: the version's intervals, and the heads of both lanes in the fit's partition.
struct Extent {
    std::vector<Range> default_ranges;
    std::int64_t default_head = 0;
    std::int64_t label_head = 0;
};

/// Locks the row if the fit is still to be done, from this partition, and no pause is on; gives the attempts
/// that did not end.
std::optional<int> claim_fit(pg::Spi& spi, const LaneKey& key, bool respects_pause) {
    static constinit pg::Plan plan{
        "SELECT attempts FROM soup.fit WHERE org = $1 AND model = $2 AND version = $3 AND fitted_at IS NULL "
        "AND partition = $5 AND (retry_at <= clock_timestamp() OR NOT $4) FOR NO KEY UPDATE SKIP LOCKED",
        {UUIDOID, UUIDOID, UUIDOID, BOOLOID, INT4OID}};
    pg::Rows rows =
        spi.run(plan, {pg::make_uuid(key.org), pg::make_uuid(key.model), pg::make_uuid(key.version),
                       BoolGetDatum(respects_pause), Int32GetDatum(key.partition)});
    if (rows.empty()) return std::nullopt;
    return rows[0].int4(1);
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
        auto attempts = claim_fit(spi, key, true);
        if (!attempts) return;
        if (*attempts >= limits::unfinished_attempts_max) {
            suspend_version(spi, key, std::to_string(*attempts) + " attempts to learn did not end");
            return;
        }
        spi.run(plan, {pg::make_uuid(key.org), pg::make_uuid(key.model), pg::make_uuid(key.version),
                       Int64GetDatum(limits::pause_ms_base), Int64GetDatum(limits::pause_ms_max)});
        has_begun = true;
    });
    return has_begun;
}

Extent read_extent(pg::Spi& spi, const LaneKey& key) {
    static constinit pg::Plan default_plan{
        "SELECT p.next_offset, i.from_offset, i.to_offset FROM soup.version_interval i "
        "JOIN soup.partition p ON p.org = i.org AND p.model = i.model AND p.partition = i.partition "
        "WHERE i.org = $1 AND i.model = $2 AND i.version = $3 AND i.partition = $4",
        {UUIDOID, UUIDOID, UUIDOID, INT4OID}};
    static constinit pg::Plan label_plan{"SELECT head_offset FROM soup.label_head WHERE org = $1 AND model = "
                                         "$2 AND version = $3 AND partition = $4",
                                         {UUIDOID, UUIDOID, UUIDOID, INT4OID}};
    const Datum org = pg::make_uuid(key.org), model = pg::make_uuid(key.model),
                version = pg::make_uuid(key.version), partition = Int32GetDatum(key.partition);
    Extent extent;
    std::vector<Interval> intervals;
    std::int64_t head = 0;
    for (pg::Row row : spi.run(default_plan, {org, model, version, partition})) {
        head = row.int8(1);
        intervals.push_back({row.int8(2), row.is_null(3) ? std::nullopt : std::optional(row.int8(3))});
    }
    extent.default_ranges = pending_ranges(std::move(intervals), 0, head);
    if (!extent.default_ranges.empty()) extent.default_head = extent.default_ranges.back().to;
    for (pg::Row row : spi.run(label_plan, {org, model, version, partition}))
        extent.label_head = row.int8(1);
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
    std::vector<Range> label_ranges;
    if (extent.label_head > 0) label_ranges.push_back({0, extent.label_head});
    LaneReader by_label(key, rawlog::Lane::labelled, std::move(label_ranges));
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
        "UPDATE soup.fit f SET partition = next.first, windows_seen = 0, look_again_at = 0, attempts = 0, "
        "retry_at = '-infinity', last_error = NULL "
        "FROM (SELECT min(n.partition) AS first FROM soup.partition o "
        "JOIN soup.partition n ON n.org = o.org AND n.model = o.model AND n.epoch = o.epoch + 1 "
        "WHERE o.org = $1 AND o.model = $2 AND o.partition = $4) next "
        "WHERE f.org = $1 AND f.model = $2 AND f.version = $3 AND next.first IS NOT NULL",
        {UUIDOID, UUIDOID, UUIDOID, INT4OID}};
    return spi.run(plan, {pg::make_uuid(key.org), pg::make_uuid(key.model), pg::make_uuid(key.version),
                          Int32GetDatum(key.partition)})
               .processed() == 1;
}

void store_progress(pg::Spi& spi, const LaneKey& key, const processors::Fitter& fitter,
                    const Extent& extent) {
    static constinit pg::Plan plan{
        "UPDATE soup.fit SET windows_seen = $4, look_again_at = $5, attempts = 0, retry_at = '-infinity', "
        "last_error = NULL WHERE org = $1 AND model = $2 AND version = $3",
        {UUIDOID, UUIDOID, UUIDOID, INT4OID, INT8OID}};
    const auto seen = static_cast<std::int64_t>(fitter.windows_seen());
    const auto missing = static_cast<std::int64_t>(fitter.windows_needed()) - seen;
    spi.run(plan,
            {pg::make_uuid(key.org), pg::make_uuid(key.model), pg::make_uuid(key.version),
             Int32GetDatum(static_cast<std::int32_t>(seen)),
             Int64GetDatum(extent.default_head + extent.label_head + std::max<std::int64_t>(missing, 1))});
}

void record_failure(const LaneKey& key, const Fault& fault, Phase phase) {
    static constinit pg::Plan plan{
        "UPDATE soup.fit SET attempts = greatest(attempts - 1, 0), last_error = $4, "
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
    if (!claim_fit(spi, key, false)) return FitEnd::unavailable;
    const Extent extent = read_extent(spi, key);
    const std::shared_ptr<const Version> version = read_version(spi, key);
    const std::unique_ptr<processors::Fitter> fitter = processors::make_fitter(version->manifest);
    if (!feed_all(*fitter, key, extent, phase)) {
        if (!move_to_next_epoch(spi, key)) store_progress(spi, key, *fitter, extent);
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
