// One slice, from claim to commit.
//
// Order of work: lock the cursor; read head and intervals (a statement after the lock sees what was committed
// before it); make the processor, with its state or what it inherits, or go on with the cached one; read,
// process, write batch by batch until a limit; move the cursor; commit. An error anywhere aborts all of it,
// and record_slice_failure() decides in a transaction of its own what happens next.
#include "bgworkers/slice.hpp"

#include "access/scope.hpp"
#include "bgworkers/cursor.hpp"
#include "bgworkers/failure.hpp"
#include "bgworkers/inheritance.hpp"
#include "bgworkers/limits.hpp"
#include "bgworkers/quarantine.hpp"
#include "bgworkers/ranges.hpp"
#include "bgworkers/work_list.hpp"
#include "boundary/transaction.hpp"
#include "rawlog/reader.hpp"

#include <chrono>

namespace soup::workers {

namespace {

using processors::InputRecord;
using processors::Point;
using Clock = std::chrono::steady_clock;

/// Where the lane's records end now, and which of them the version has to process.
std::vector<Range> pending(pg::Spi& spi, const LaneKey& key, std::int64_t cursor) {
    static constinit pg::Plan default_plan{
        "SELECT p.next_offset, i.from_offset, i.to_offset FROM soup.version_interval i "
        "JOIN soup.partition p ON p.org = i.org AND p.model = i.model AND p.partition = i.partition "
        "JOIN soup.version v ON v.org = i.org AND v.model = i.model AND v.version = i.version "
        "WHERE i.org = $1 AND i.model = $2 AND i.version = $3 AND i.partition = $4 AND v.state <> "
        "'suspended'",
        {UUIDOID, UUIDOID, UUIDOID, INT4OID}};
    static constinit pg::Plan label_plan{
        "SELECT h.head_offset, 0::bigint, NULL::bigint FROM soup.label_head h "
        "JOIN soup.version v ON v.org = h.org AND v.model = h.model AND v.version = h.version "
        "WHERE h.org = $1 AND h.model = $2 AND h.version = $3 AND h.partition = $4 AND v.state <> "
        "'suspended'",
        {UUIDOID, UUIDOID, UUIDOID, INT4OID}};
    pg::Rows rows = spi.run(key.lane == Lane::default_routed ? default_plan : label_plan,
                            {pg::make_uuid(key.org), pg::make_uuid(key.model), pg::make_uuid(key.version),
                             Int32GetDatum(key.partition)});
    std::vector<Interval> intervals;
    std::int64_t head = 0;
    for (pg::Row row : rows) {
        head = row.int8(1);
        intervals.push_back({row.int8(2), row.is_null(3) ? std::nullopt : std::optional(row.int8(3))});
    }
    return pending_ranges(std::move(intervals), cursor, head);
}

/// Takes what a processor gives: points to the table, rejected records to a list.
class Sink : public processors::PointSink {
public:
    Sink(pg::Spi& spi, PointTable& points, Phase& phase) : spi_(spi), points_(points), phase_(phase) {}

    void point(Point&& point) override {
        if (auto reason = points_.refusal(point); !reason.empty())
            rejected_.push_back({point.offset, reason});
        else {
            // This may write: an error of the disk is not the batch's fault.
            phase_ = Phase::writing;
            points_.add(spi_, std::move(point));
            phase_ = Phase::processing;
        }
    }
    void reject(const InputRecord& record, std::string_view reason_code) override {
        rejected_.push_back({record.offset, reason_code});
    }
    const std::vector<Rejected>& rejected() const noexcept { return rejected_; }

private:
    pg::Spi& spi_;
    PointTable& points_;
    Phase& phase_;
    std::vector<Rejected> rejected_;
};

/// The slice as an object: what it has taken so far is what a failure has to know.
class Slice {
public:
    Slice(const LaneKey& key, LaneCache& cache, bool has_just_begun)
        : key_(key), cache_(cache), has_just_begun_(has_just_begun) {}

    /// The body of the transaction.
    SliceEnd run();
    /// After the commit.
    void committed() noexcept {
        if (has_advanced_) cache_.position = next_offset_;
    }
    const FailedSlice& failure() const noexcept { return failed_; }

private:
    bool prepare_processor(pg::Spi& spi, const Claim& claim);
    SliceEnd take(pg::Spi& spi, const std::vector<Range>& ranges);
    void process(const rawlog::Batch& batch, Sink& sink);
    void set_first_batch_aside(pg::Spi& spi, const Range& range);
    void advance(pg::Spi& spi) {
        add_counters(spi, key_, counted_, cache_.processor->counters());
        advance_cursor(spi, key_, {next_offset_, records_, cache_.processor->save_state(), received_us_});
        has_advanced_ = true;
    }
    bool is_full() const {
        return claim_.next_offset < claim_.careful_until || records_ >= limits::slice_records_max ||
               bytes_ >= limits::slice_bytes_max ||
               Clock::now() - began_ >= std::chrono::microseconds(limits::slice_us_max);
    }
    rawlog::Lane log_lane() const noexcept {
        return key_.lane == Lane::default_routed ? rawlog::Lane::default_routed : rawlog::Lane::labelled;
    }

    const LaneKey& key_;
    LaneCache& cache_;
    const bool has_just_begun_; ///< The count of attempts holds this one.
    Clock::time_point began_ = Clock::now();
    FailedSlice failed_;
    Claim claim_;
    processors::Counters counted_; ///< As they stand at the cursor.
    bool has_advanced_ = false;
    std::int64_t next_offset_ = 0;
    std::int64_t records_ = 0;
    std::size_t bytes_ = 0;
    std::optional<std::int64_t> received_us_;
    std::vector<InputRecord> inputs_;
};

/// False while the version has not learned what it has to, or has an earlier epoch to finish.
bool Slice::prepare_processor(pg::Spi& spi, const Claim& claim) {
    if (!cache_.version) cache_.version = read_version(spi, key_);
    if (!cache_.version->has_learned) {
        cache_.version.reset();
        return false;
    }
    if (!cache_.points) cache_.points = std::make_unique<PointTable>(cache_.version);
    if (!cache_.processor || cache_.position != claim.next_offset) {
        auto processor = processors::make_processor(cache_.version->manifest, cache_.version->artefact);
        if (claim.state) processor->load_state(*claim.state);
        // Before inheriting: streams that find no room here are yet to be counted.
        counted_ = processor->counters();
        if (!claim.state && !inherit_carry_over(spi, key_, *processor)) return false;
        cache_.processor = std::move(processor);
        cache_.position = claim.next_offset;
    } else {
        counted_ = cache_.processor->counters();
    }
    return true;
}

void Slice::process(const rawlog::Batch& batch, Sink& sink) {
    inputs_.clear();
    for (std::int32_t i = batch.begin_index; i < batch.end_index; ++i) {
        const frame::Record record = batch.frame[static_cast<std::size_t>(i)];
        inputs_.push_back({key_.partition, batch.first_offset + i, batch.stream, record.time_us,
                           batch.received_us, batch.content_type, record.bytes});
        bytes_ += record.bytes.size();
    }
    cache_.processor->process(inputs_, sink);
    records_ += static_cast<std::int64_t>(inputs_.size());
    received_us_ = batch.received_us;
}

/// So many attempts ended without a word at this batch that it is taken to kill its worker.
void Slice::set_first_batch_aside(pg::Spi& spi, const Range& range) {
    rawlog::Reader reader(key_.org, key_.model, key_.partition, log_lane(), key_.version, range.from,
                          range.to);
    auto batch = reader.next();
    if (!batch) {
        next_offset_ = range.to;
        return;
    }
    next_offset_ = batch->first_offset + batch->end_index;
    set_aside(spi, key_, {batch->first_offset + batch->begin_index, next_offset_}, "UNFINISHED");
}

SliceEnd Slice::take(pg::Spi& spi, const std::vector<Range>& ranges) {
    Sink sink(spi, *cache_.points, failed_.phase);
    SliceEnd end = SliceEnd::drained;
    for (const Range& range : ranges) {
        failed_.phase = Phase::reading;
        rawlog::Reader reader(key_.org, key_.model, key_.partition, log_lane(), key_.version, range.from,
                              range.to);
        while (auto batch = reader.next()) {
            next_offset_ = batch->first_offset + batch->end_index;
            failed_.failed_until = next_offset_;
            failed_.batch = {batch->first_offset + batch->begin_index, next_offset_};
            ++failed_.batch_count;
            failed_.phase = Phase::processing;
            process(*batch, sink);
            if (is_full()) {
                end = SliceEnd::limited;
                break;
            }
            failed_.phase = Phase::reading;
            pg::call([] { CHECK_FOR_INTERRUPTS(); });
        }
        if (end == SliceEnd::limited) break;
        next_offset_ = range.to;
    }
    failed_.phase = Phase::writing;
    cache_.points->flush(spi);
    quarantine(spi, key_, sink.rejected());
    return end;
}

SliceEnd Slice::run() {
    access::VersionScope scope(key_.org, key_.model, key_.version);
    pg::Spi spi;
    auto claim = claim_cursor(spi, key_, cache_.position);
    if (!claim) return SliceEnd::unavailable;
    // The pause that begin_attempt() may have written is for whoever comes if this process dies.
    if (claim->is_pausing && !has_just_begun_) return SliceEnd::unavailable;
    claim_ = std::move(*claim);
    failed_.next_offset = failed_.failed_until = next_offset_ = claim_.next_offset;
    failed_.failures = claim_.failures;

    const std::vector<Range> ranges = pending(spi, key_, claim_.next_offset);
    if (ranges.empty() || !prepare_processor(spi, claim_)) {
        if (has_just_begun_) withdraw_attempt(spi, key_);
        return ranges.empty() ? SliceEnd::drained : SliceEnd::unavailable;
    }
    if (claim_.attempts > limits::unfinished_attempts_max) {
        set_first_batch_aside(spi, ranges.front());
        advance(spi);
        return SliceEnd::limited;
    }
    const SliceEnd end = take(spi, ranges);
    advance(spi);
    return end;
}

} // namespace

SliceEnd run_slice(const LaneKey& key, LaneCache& cache) {
    const bool begins = !cache.has_begun;
    if (begins) {
        if (!begin_attempt(key)) return SliceEnd::unavailable;
        cache.has_begun = true;
    }
    Slice slice(key, cache, begins);
    std::optional<Fault> fault;
    SliceEnd end = SliceEnd::failed;
    try {
        pg::in_transaction([&] { end = slice.run(); });
    } catch (...) {
        fault = current_fault();
    }
    if (!fault) {
        slice.committed();
        return end;
    }
    cache.forget();
    // Then it is this process that cannot go on, not the lane: the next worker brings the right code.
    if (is_outdated()) return SliceEnd::unavailable;
    record_slice_failure(key, slice.failure(), *fault);
    return SliceEnd::failed;
}

} // namespace soup::workers
