// The server calls behind process.hpp.
#include "bgworkers/process.hpp"

#include "bgworkers/fault.hpp"
#include "bgworkers/limits.hpp"

extern "C" {
#include "pgstat.h"
#include "utils/backend_status.h"
}

namespace soup::workers {

void fix_settings() {
    pg::call([] {
        for (auto [name, value] :
             {std::pair{"search_path", "pg_catalog, pg_temp"}, std::pair{"synchronous_commit", "local"},
              std::pair{"statement_timeout", "0"}, std::pair{"lock_timeout", limits::lock_timeout},
              std::pair{"idle_in_transaction_session_timeout", "0"},
              std::pair{"default_transaction_isolation", "read committed"},
              std::pair{"default_transaction_read_only", "off"}})
            SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
    });
}

void show_activity(const std::string& activity) {
    pg::call([&] { pgstat_report_activity(STATE_RUNNING, activity.c_str()); });
}

void show_idle() {
    report_statistics();
    pg::call([] { pgstat_report_activity(STATE_IDLE, "waiting for work"); });
}

void report_statistics() {
    pg::call([] { pgstat_report_stat(false); });
}

void log_current_error(const char* what) {
    const Fault fault = current_fault();
    pg::call([&] {
        ereport(WARNING, errmsg("%s failed: %s (%s)", what, fault.message.c_str(), fault.sqlstate.c_str()));
    });
}

} // namespace soup::workers
