// CPU times come from /proc/<pid>/schedstat, in nanoseconds.
#include "tests/bench/processing/cluster.hpp"

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

namespace bench {

double cpu_seconds(Connection& superuser, const std::string& backend_type) {
    std::istringstream pids(superuser.value(
        "SELECT coalesce(string_agg(pid::text, ' '), '') FROM pg_stat_activity WHERE backend_type = '" +
        backend_type + "'"));
    double seconds = 0;
    for (std::string pid; pids >> pid;) {
        std::ifstream file("/proc/" + pid + "/schedstat");
        double on_cpu_ns = 0;
        file >> on_cpu_ns;
        seconds += on_cpu_ns / 1e9;
    }
    return seconds;
}

void set(Connection& superuser, const std::string& name, const std::string& value) {
    superuser.run("ALTER SYSTEM SET " + name + " = " + value);
    superuser.run("SELECT pg_reload_conf()");
}

namespace {

void wait_for(Connection& superuser, const char* condition) {
    while (superuser.value(condition) != "t")
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

} // namespace

void drain(Connection& superuser) {
    wait_for(superuser, "SELECT coalesce(sum(lag_records), 0) = 0 FROM soup.lag");
}

void stop_processors(Connection& superuser) {
    set(superuser, "soup.max_processors", "0");
    superuser.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                  "WHERE backend_type = 'machinesoup processor'");
    wait_for(superuser,
             "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'machinesoup processor'");
}

} // namespace bench
