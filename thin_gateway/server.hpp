// The gateway as a process: workers and their threads, listeners, signals, the catalogue's reload.
//
// SIGTERM and SIGINT drain: no new clients, idle connections end, requests under way are answered, and what
// is left at the deadline is closed hard. SIGHUP reads the catalogue again. PostgreSQL may be away at the
// start and at any time: /readyz says so, and the gateway heals by itself.
#pragma once

#include "thin_gateway/listener.hpp"
#include "thin_gateway/worker.hpp"

#include <boost/asio/basic_signal_set.hpp>
#include <thread>

namespace soup::gateway {

class Server {
public:
    explicit Server(const Config& config);

    /// Serves until it is told to end.
    void run();

private:
    void write_port_file() const;
    void wait_for_signal();
    void drain();
    void stop();
    void want_catalogue();
    std::string metrics_text();
    Awaitable<> keep_catalogue();
    Awaitable<CataloguePtr> read_catalogue();
    void publish(const CataloguePtr& catalogue);

    const Config& config_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    asio::basic_signal_set<Executor> signals_;
    Timer catalogue_timer_, drain_timer_;
    StatementPtr catalogue_statement_;
    std::string last_failure_;
    std::size_t busy_workers_ = 0;
    bool wants_catalogue_ = true, is_draining_ = false, is_stopped_ = false;
};

} // namespace soup::gateway
