// Statements on soup.cursor. READ COMMITTED and a row lock: what is read is read from the locked row itself.
#include "bgworkers/cursor.hpp"

#include "access/scope.hpp"
#include "bgworkers/limits.hpp"
#include "boundary/transaction.hpp"

namespace soup::workers {

namespace {

/// $6 and $7 are the least and the greatest pause in ms. The pause before is the way from updated_at to
/// retry_at.
#define SOUP_NEXT_PAUSE                                                                                      \
    "least($7 * interval '1 ms', CASE WHEN retry_at = '-infinity' THEN $6 * interval '1 ms' "                \
    "ELSE greatest($6 * interval '1 ms', 2 * (retry_at - updated_at)) END) * (0.5 + random())"

#define SOUP_THIS_LANE "WHERE org = $1 AND model = $2 AND version = $3 AND partition = $4 AND lane = $5"

/// The parameters of SOUP_THIS_LANE, in SPI's memory.
struct LaneParameters {
    explicit LaneParameters(const LaneKey& key)
        : org(pg::make_uuid(key.org)), model(pg::make_uuid(key.model)), version(pg::make_uuid(key.version)),
          partition(Int32GetDatum(key.partition)), lane(pg::make_text(lane_name(key.lane))) {}
    Datum org, model, version, partition, lane;
};

std::optional<Claim> lock_row(pg::Spi& spi, const LaneParameters& lane, std::int64_t position) {
    static constinit pg::Plan plan{
        "SELECT next_offset, attempts, failures, careful_until, retry_at > clock_timestamp(), state "
        "FROM soup.cursor " SOUP_THIS_LANE " FOR NO KEY UPDATE SKIP LOCKED",
        {UUIDOID, UUIDOID, UUIDOID, INT4OID, TEXTOID}};
    pg::Rows rows = spi.run(plan, {lane.org, lane.model, lane.version, lane.partition, lane.lane});
    if (rows.empty()) return std::nullopt;
    const pg::Row row = rows[0];
    Claim claim{row.int8(1), row.int4(2), row.int4(3), row.int8(4), row.boolean(5), std::nullopt};
    if (claim.next_offset != position && !row.is_null(6)) {
        const pg::Varlena state = row.varlena(6);
        claim.state.emplace(state.bytes().begin(), state.bytes().end());
    }
    return claim;
}

} // namespace

std::optional<Claim> claim_cursor(pg::Spi& spi, const LaneKey& key, std::int64_t position) {
    static constinit pg::Plan make_plan{
        "INSERT INTO soup.cursor (org, model, version, partition, lane) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT DO NOTHING",
        {UUIDOID, UUIDOID, UUIDOID, INT4OID, TEXTOID}};
    const LaneParameters lane(key);
    if (auto claim = lock_row(spi, lane, position)) return claim;
    pg::Rows made = spi.run(make_plan, {lane.org, lane.model, lane.version, lane.partition, lane.lane});
    if (made.processed() == 0) return std::nullopt;
    return Claim{};
}

bool begin_attempt(const LaneKey& key) {
    static constinit pg::Plan plan{
        "UPDATE soup.cursor SET attempts = attempts + 1, "
        "careful_until = CASE WHEN attempts > 0 THEN greatest(careful_until, next_offset + $8) "
        "ELSE careful_until END, "
        "retry_at = CASE WHEN attempts > 0 THEN clock_timestamp() + " SOUP_NEXT_PAUSE " ELSE retry_at END, "
        "updated_at = CASE WHEN attempts > 0 THEN clock_timestamp() ELSE updated_at END " SOUP_THIS_LANE,
        {UUIDOID, UUIDOID, UUIDOID, INT4OID, TEXTOID, INT8OID, INT8OID, INT8OID}};
    bool has_begun = false;
    pg::in_transaction([&] {
        access::VersionScope scope(key.org, key.model, key.version);
        pg::Spi spi;
        auto claim = claim_cursor(spi, key, -1);
        if (!claim || claim->is_pausing) return;
        const LaneParameters lane(key);
        spi.run(plan, {lane.org, lane.model, lane.version, lane.partition, lane.lane,
                       Int64GetDatum(limits::pause_ms_base), Int64GetDatum(limits::pause_ms_max),
                       Int64GetDatum(limits::slice_records_max)});
        has_begun = true;
    });
    return has_begun;
}

void withdraw_attempt(pg::Spi& spi, const LaneKey& key) {
    static constinit pg::Plan plan{
        "UPDATE soup.cursor SET attempts = greatest(attempts - 1, 0) " SOUP_THIS_LANE,
        {UUIDOID, UUIDOID, UUIDOID, INT4OID, TEXTOID}};
    const LaneParameters lane(key);
    spi.run(plan, {lane.org, lane.model, lane.version, lane.partition, lane.lane});
}

void advance_cursor(pg::Spi& spi, const LaneKey& key, const Advance& advance) {
    static constinit pg::Plan plan{
        "UPDATE soup.cursor SET next_offset = $6, records = records + $7, state = $8, "
        "processed_until = coalesce($9, processed_until), attempts = 0, failures = 0, "
        "retry_at = '-infinity', last_error = NULL, updated_at = clock_timestamp() " SOUP_THIS_LANE,
        {UUIDOID, UUIDOID, UUIDOID, INT4OID, TEXTOID, INT8OID, INT8OID, BYTEAOID, TIMESTAMPTZOID}};
    std::optional<Datum> received_at;
    if (advance.received_us) received_at = TimestampTzGetDatum(pg::from_unix_us(*advance.received_us));
    const LaneParameters lane(key);
    pg::Rows moved = spi.run(plan, {lane.org, lane.model, lane.version, lane.partition, lane.lane,
                                    Int64GetDatum(advance.next_offset), Int64GetDatum(advance.records),
                                    pg::make_bytea(advance.state), received_at});
    if (moved.processed() != 1) throw std::logic_error("a claimed cursor has gone");
}

void set_back_cursor(pg::Spi& spi, const LaneKey& key, const Setback& setback) {
    static constinit pg::Plan plan{"UPDATE soup.cursor SET next_offset = $8, attempts = 0, failures = $9, "
                                   "careful_until = greatest(careful_until, $10), last_error = $11, "
                                   "retry_at = CASE WHEN $12 THEN clock_timestamp() + " SOUP_NEXT_PAUSE
                                   " ELSE '-infinity' END, "
                                   "updated_at = clock_timestamp() " SOUP_THIS_LANE,
                                   {UUIDOID, UUIDOID, UUIDOID, INT4OID, TEXTOID, INT8OID, INT8OID, INT8OID,
                                    INT4OID, INT8OID, TEXTOID, BOOLOID}};
    const LaneParameters lane(key);
    spi.run(plan, {lane.org, lane.model, lane.version, lane.partition, lane.lane,
                   Int64GetDatum(limits::pause_ms_base), Int64GetDatum(limits::pause_ms_max),
                   Int64GetDatum(setback.next_offset), Int32GetDatum(setback.failures),
                   Int64GetDatum(setback.careful_until), pg::make_text(setback.sqlstate),
                   BoolGetDatum(setback.is_pausing)});
}

} // namespace soup::workers
