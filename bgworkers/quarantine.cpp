// Statements on soup.quarantine and soup.version_counter.
#include "bgworkers/quarantine.hpp"

#include "boundary/array.hpp"

namespace soup::workers {

namespace {

void insert(pg::Spi& spi, const LaneKey& key, std::span<const std::int64_t> offsets,
            std::span<const std::int32_t> counts, std::span<const Datum> reasons) {
    // The same record may be rejected twice: the first reason stays.
    static constinit pg::Plan plan{
        "INSERT INTO soup.quarantine (org, model, version, partition, record_offset, record_count, reason) "
        "SELECT $1, $2, $3, $4, r.record_offset, r.record_count, r.reason "
        "FROM unnest($5, $6, $7) AS r (record_offset, record_count, reason) ON CONFLICT DO NOTHING",
        {UUIDOID, UUIDOID, UUIDOID, INT4OID, INT8ARRAYOID, INT4ARRAYOID, TEXTARRAYOID}};
    spi.run(plan,
            {pg::make_uuid(key.org), pg::make_uuid(key.model), pg::make_uuid(key.version),
             Int32GetDatum(key.partition), pg::make_array(offsets, pg::int8_elements),
             pg::make_array(counts, pg::int4_elements), pg::make_array(reasons, {}, pg::text_elements)});
}

} // namespace

void quarantine(pg::Spi& spi, const LaneKey& key, const std::vector<Rejected>& rejected) {
    if (rejected.empty()) return;
    std::vector<std::int64_t> offsets;
    std::vector<Datum> reasons;
    for (const Rejected& record : rejected) {
        offsets.push_back(record.offset);
        reasons.push_back(pg::make_text(record.reason));
    }
    insert(spi, key, offsets, std::vector<std::int32_t>(rejected.size(), 1), reasons);
}

void set_aside(pg::Spi& spi, const LaneKey& key, const BatchSpan& batch, std::string_view reason) {
    const std::int64_t offset = batch.from;
    const auto count = static_cast<std::int32_t>(batch.to - batch.from);
    const Datum text = pg::make_text(reason);
    insert(spi, key, {&offset, 1}, {&count, 1}, {&text, 1});
}

void add_counters(pg::Spi& spi, const LaneKey& key, const processors::Counters& before,
                  const processors::Counters& after) {
    static constinit pg::Plan plan{
        "INSERT INTO soup.version_counter AS c (org, model, version, name, value) VALUES ($1, $2, $3, $4, "
        "$5) "
        "ON CONFLICT (org, model, version, name) DO UPDATE SET value = c.value + excluded.value",
        {UUIDOID, UUIDOID, UUIDOID, TEXTOID, INT8OID}};
    if (after.streams_restarted == before.streams_restarted) return;
    spi.run(plan,
            {pg::make_uuid(key.org), pg::make_uuid(key.model), pg::make_uuid(key.version),
             pg::make_text("streams_restarted"),
             Int64GetDatum(static_cast<std::int64_t>(after.streams_restarted - before.streams_restarted))});
}

} // namespace soup::workers
