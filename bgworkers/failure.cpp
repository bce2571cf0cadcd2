// The cursor moves here only if it still stands where the failed attempt began: between abort and this
// transaction another worker may have gone on.
#include "bgworkers/failure.hpp"

#include "access/scope.hpp"
#include "bgworkers/cursor.hpp"
#include "bgworkers/limits.hpp"
#include "bgworkers/quarantine.hpp"
#include "boundary/transaction.hpp"

namespace soup::workers {

void log_failure(const LaneKey& key, std::int64_t offset, const Fault& fault) {
    const std::string version = crypto::to_string(key.version), lane(lane_name(key.lane));
    pg::call([&] {
        ereport(LOG, (errcode(MAKE_SQLSTATE(fault.sqlstate[0], fault.sqlstate[1], fault.sqlstate[2],
                                            fault.sqlstate[3], fault.sqlstate[4])),
                      errmsg("could not process version %s, partition %d, lane %s, offset %lld: %s",
                             version.c_str(), key.partition, lane.c_str(), static_cast<long long>(offset),
                             fault.message.c_str())));
    });
}

void suspend_version(pg::Spi& spi, const LaneKey& key, std::string_view reason) {
    static constinit pg::Plan plan{"UPDATE soup.version SET state = 'suspended', suspended_because = $4 "
                                   "WHERE org = $1 AND model = $2 AND version = $3 AND state <> 'suspended'",
                                   {UUIDOID, UUIDOID, UUIDOID, TEXTOID}};
    spi.run(plan, {pg::make_uuid(key.org), pg::make_uuid(key.model), pg::make_uuid(key.version),
                   pg::make_text(reason)});
}

void count_failure(pg::Spi& spi, const LaneKey& key, std::int64_t next_offset, const Fault& fault) {
    static constinit pg::Plan insert_plan{
        "INSERT INTO soup.failure (org, model, version, partition, lane, next_offset, sqlstate) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        {UUIDOID, UUIDOID, UUIDOID, INT4OID, TEXTOID, INT8OID, TEXTOID}};
    static constinit pg::Plan count_plan{"SELECT count(*) FROM soup.failure "
                                         "WHERE org = $1 AND model = $2 AND version = $3 "
                                         "AND failed_at > clock_timestamp() - interval '1 hour'",
                                         {UUIDOID, UUIDOID, UUIDOID}};
    const Datum org = pg::make_uuid(key.org), model = pg::make_uuid(key.model),
                version = pg::make_uuid(key.version);
    spi.run(insert_plan,
            {org, model, version, Int32GetDatum(key.partition), pg::make_text(lane_name(key.lane)),
             Int64GetDatum(next_offset), pg::make_text(fault.sqlstate)});
    const std::int64_t count = spi.run(count_plan, {org, model, version})[0].int8(1);
    if (count >= limits::failures_per_hour_max)
        suspend_version(spi, key,
                        std::to_string(count) + " failed attempts within an hour, the last with " +
                            fault.sqlstate);
}

namespace {

Setback decide(const FailedSlice& failed, const Fault& fault) {
    Setback setback{failed.next_offset, failed.failures, 0, true, fault.sqlstate};
    const bool is_own_fault = is_batch_at_fault(fault, failed.phase);
    // One of several cannot be served, so each is tried alone; but where the batches did not even matter,
    // that would only be slow.
    if (failed.batch_count > 1 && !is_conflict_with_others(fault))
        setback.careful_until = failed.failed_until;
    if (is_own_fault && failed.batch_count > 1) {
        setback.is_pausing = false;
    } else if (is_own_fault) {
        ++setback.failures;
        if (setback.failures >= limits::failures_max) {
            setback.next_offset = failed.batch.to;
            setback.failures = 0;
            setback.is_pausing = false;
        }
    }
    return setback;
}

} // namespace

void record_slice_failure(const LaneKey& key, const FailedSlice& failed, const Fault& fault) {
    log_failure(key, failed.next_offset, fault);
    pg::in_transaction([&] {
        access::VersionScope scope(key.org, key.model, key.version);
        pg::Spi spi;
        auto claim = claim_cursor(spi, key, failed.next_offset);
        if (!claim || claim->next_offset != failed.next_offset) return;
        if (is_counted(fault, failed.phase)) count_failure(spi, key, failed.next_offset, fault);
        const Setback setback = decide(failed, fault);
        if (setback.next_offset != failed.next_offset)
            set_aside(spi, key, failed.batch, "FAILED_" + fault.sqlstate);
        set_back_cursor(spi, key, setback);
    });
}

} // namespace soup::workers
