// See maintenance.hpp.
#include "bgworkers/maintenance.hpp"

#include "bgworkers/limits.hpp"
#include "bgworkers/process.hpp"
#include "bgworkers/work_list.hpp"

#include "access/scope.hpp"
#include "boundary/spi.hpp"
#include "boundary/transaction.hpp"

#include <limits>

namespace soup::workers {

using std::chrono::milliseconds;

Maintenance::Maintenance() {
    const auto keys = std::to_string(limits::purge_rows_max), leaves = std::to_string(limits::leaves_max),
               days = std::to_string(limits::failure_days_kept);
    duties_.push_back({"forgetting idempotency keys", "SELECT soup.purge_idempotency(" + keys + ")",
                       limits::purge_rows_max});
    duties_.push_back(
        {"forgetting old failures",
         "WITH forgotten AS (DELETE FROM soup.failure WHERE failed_at < pg_catalog.now() - interval '" +
             days + " days' RETURNING 1) SELECT count(*) FROM forgotten",
         std::numeric_limits<std::int64_t>::max()});
    duties_.push_back({"making leaves of the raw log",
                       "SELECT soup.maintain_raw_leaves(" + leaves + ")::bigint", limits::leaves_max});
}

std::int64_t Maintenance::do_piece(const Duty& duty) {
    std::int64_t done = 0;
    pg::in_transaction([&] {
        access::PlatformScope scope(access::Platform::launcher);
        pg::Spi spi;
        done = spi.run(duty.statement.c_str())[0].int8(1);
    });
    return done;
}

bool Maintenance::run() {
    bool has_more = false;
    for (Duty& duty : duties_) {
        if (Clock::now() < duty.due) continue;
        try {
            if (do_piece(duty) >= duty.piece_max)
                has_more = true;
            else
                duty.due = Clock::now() + milliseconds(limits::maintenance_ms);
        } catch (...) {
            duty.due = Clock::now() + milliseconds(limits::maintenance_retry_ms);
            if (is_outdated()) return false;
            log_current_error(duty.name);
        }
    }
    return has_more;
}

} // namespace soup::workers
