// The query behind find_work is the view soup.work_in_turn; only order and number are decided here.
#include "bgworkers/work_list.hpp"

#include "access/scope.hpp"
#include "bgworkers/limits.hpp"
#include "bgworkers/process.hpp"
#include "boundary/spi.hpp"
#include "boundary/transaction.hpp"
#include "library_version.hpp"

namespace soup::workers {

std::vector<LaneKey> find_work() {
    static constinit pg::Plan plan{
        "SELECT org, model, version, partition, lane FROM soup.work_in_turn "
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

namespace {

struct Installed {
    std::string machinesoup, soupvec; ///< Empty when the extension has gone.
    friend bool operator==(const Installed&, const Installed&) = default;
};

Installed read_installed() {
    static constinit pg::Plan plan{
        "SELECT (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'machinesoup'), "
        "(SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'soupvec')",
        {}};
    Installed installed;
    pg::in_transaction([&] {
        pg::Spi spi;
        for (pg::Row row : spi.run(plan, {}, pg::Access::read_only)) {
            if (!row.is_null(1)) installed.machinesoup = row.text(1);
            if (!row.is_null(2)) installed.soupvec = row.text(2);
        }
    });
    return installed;
}

} // namespace

bool is_outdated() {
    static std::optional<Installed> at_start;
    try {
        const Installed now = read_installed();
        if (!at_start) at_start = now;
        return now != *at_start || now.machinesoup != library_version;
    } catch (...) {
        log_current_error("reading the installed version");
        return true;
    }
}

} // namespace soup::workers
