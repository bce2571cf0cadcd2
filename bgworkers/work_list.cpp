// The query behind find_work is the view soup.work; only order and number are decided here.
#include "bgworkers/work_list.hpp"

#include "access/scope.hpp"
#include "bgworkers/limits.hpp"
#include "boundary/spi.hpp"
#include "boundary/transaction.hpp"

namespace soup::workers {

std::vector<LaneKey> find_work() {
    static constinit pg::Plan plan{
        "SELECT org, model, version, partition, lane FROM soup.work "
        "ORDER BY updated_at - CASE WHEN is_live THEN $1 * interval '1 ms' ELSE interval '0' END, "
        "version, partition, lane LIMIT $2",
        {INT4OID, INT4OID}};
    std::vector<LaneKey> lanes;
    pg::in_transaction([&] {
        access::PlatformScope scope(access::Platform::launcher);
        pg::Spi spi;
        for (pg::Row row :
             spi.run(plan, {Int32GetDatum(limits::live_bonus_ms), Int32GetDatum(limits::work_items_max)},
                     pg::Access::read_only))
            lanes.push_back(
                {row.uuid(1), row.uuid(2), row.uuid(3), row.int4(4), parse_lane(row.varlena(5).text())});
    });
    return lanes;
}

std::string installed_version() {
    static constinit pg::Plan plan{
        "SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'machinesoup'", {}};
    std::string version;
    pg::in_transaction([&] {
        pg::Spi spi;
        for (pg::Row row : spi.run(plan, {}, pg::Access::read_only))
            version = row.text(1);
    });
    return version;
}

} // namespace soup::workers
