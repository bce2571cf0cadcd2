// Reads the states of the same lane in earlier epochs, one at a time: together they may have a thousand times
// what one state may.
//
// They are final when they are read. Nothing is left to process in those partitions, they are sealed, and
// whatever gives a version something to do gives it in all epochs at once (sql/machinesoup/74_epochs.sql).
// soup.work_in_turn has said so when the lane was found; it is asked again here, since a state taken over too
// early would lose records' windows for good and nobody would see it.
#include "bgworkers/inheritance.hpp"

#include "bgworkers/lineage.hpp"

namespace soup::workers {

namespace {

/// Epoch, partition, state (large ones are fetched when they are asked for), whether something is left to
/// process there first. No rows in a model's first epoch.
pg::Rows read_epochs(pg::Spi& spi, const LaneKey& key) {
    static constinit pg::Plan plan{
        "SELECT p.epoch, p.partition, c.state, p.epoch < heir.epoch AND coalesce(g.lag_records, 0) > 0 "
        "FROM soup.partition heir "
        "JOIN soup.partition p ON p.org = heir.org AND p.model = heir.model AND p.epoch <= heir.epoch "
        "LEFT JOIN soup.cursor c ON c.org = p.org AND c.model = p.model AND c.version = $3 "
        "AND c.partition = p.partition AND c.lane = $5 "
        "LEFT JOIN soup.lag g ON g.org = p.org AND g.model = p.model AND g.version = $3 "
        "AND g.partition = p.partition AND g.lane = $5 "
        "WHERE heir.org = $1 AND heir.model = $2 AND heir.partition = $4 AND heir.epoch > 0 "
        "ORDER BY p.epoch, p.partition",
        {UUIDOID, UUIDOID, UUIDOID, INT4OID, TEXTOID}};
    return spi.run(plan, {pg::make_uuid(key.org), pg::make_uuid(key.model), pg::make_uuid(key.version),
                          Int32GetDatum(key.partition), pg::make_text(lane_name(key.lane))});
}

} // namespace

bool inherit_carry_over(pg::Spi& spi, const LaneKey& key, processors::Processor& processor) {
    const pg::Rows rows = read_epochs(spi, key);
    if (rows.empty()) return true;
    std::vector<Ancestor> partitions;
    for (pg::Row row : rows) {
        if (row.boolean(4)) return false;
        partitions.push_back({row.int4(1), row.int4(2), !row.is_null(3)});
    }
    const Lineage lineage(partitions, key.partition);
    for (const Ancestor* source : lineage.sources()) {
        const pg::Varlena state = rows[static_cast<std::size_t>(source - partitions.data())].varlena(3);
        processor.inherit(state.bytes(),
                          [&](std::string_view stream) { return lineage.inherits(stream, *source); });
        pg::call([] { CHECK_FOR_INTERRUPTS(); });
    }
    return true;
}

} // namespace soup::workers
