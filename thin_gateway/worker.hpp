// One thread of the gateway: its event loop, its client connections, its database connections.
//
// Workers share nothing but the catalogue (immutable) and the metrics that are scraped, so there are no locks
// on the way of a request. Everything here runs on the worker's own thread; others reach it by post().
#pragma once

#include "thin_gateway/append_join.hpp"
#include "thin_gateway/body_room.hpp"
#include "thin_gateway/caller.hpp"
#include "thin_gateway/catalogue.hpp"
#include "thin_gateway/login_cache.hpp"
#include "thin_gateway/metrics.hpp"
#include "thin_gateway/pg_stream.hpp"
#include "thin_gateway/principal_limit.hpp"
#include "thin_gateway/source.hpp"
#include "thin_gateway/statements.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <set>

namespace soup::gateway {

class HttpConnection;

/// What a worker asks of the process around it.
struct ServerHooks {
    std::function<void()> want_catalogue;      ///< the functions changed: read them again
    std::function<std::string()> metrics_text; ///< of all workers
};

class Worker {
public:
    Worker(const Config& config, ServerHooks hooks);
    ~Worker();

    asio::io_context& context() { return context_; }
    Executor executor() { return context_.get_executor(); }
    const Config& config() const { return config_; }

    /// Runs until stop() was called and everything has ended.
    void run();

    void accept(Socket socket, bool is_internal);
    void publish(CataloguePtr catalogue);
    /// No new requests; `on_idle` is called once the last connection has gone.
    void drain(std::function<void()> on_idle);
    /// The hard end: closes what is left.
    void stop();

    // For the requests of this worker.
    const CataloguePtr& catalogue() const { return catalogue_; }
    bool serves_internal(bool is_internal) const { return is_internal || !config_.has_internal; }
    bool is_ready() const;
    bool is_draining() const { return is_draining_; }
    Pool& pool_for(const Function& function);
    StreamPool& streams() { return streams_; }
    AppendJoiner& appends() { return appends_; }
    LoginCache& logins() { return logins_; }
    Callers& callers() { return callers_; }
    PrincipalLimit& rate() { return rate_; }
    Statements& statements() { return statements_; }
    Metrics& metrics() { return metrics_; }
    const ServerHooks& hooks() const { return hooks_; }
    Pool& read_pool() { return read_; }

    const std::array<char, 28>& next_request_id();
    std::string_view http_date();
    BodyRoom& body_room() { return body_room_; }
    /// Functions or libraries changed under open sessions: fresh sessions, fresh catalogue.
    void renew_sessions();
    void left(HttpConnection* connection, const Source& source);

private:
    Awaitable<> sweep();
    void update_gauges();

    const Config& config_;
    ServerHooks hooks_;
    asio::io_context context_{1};
    Metrics metrics_;
    Pool read_, write_, login_, append_;
    StreamPool streams_;
    AppendJoiner appends_;
    Callers callers_;
    LoginCache logins_;
    BodyRoom body_room_;
    PrincipalLimit rate_;
    Statements statements_;
    CataloguePtr catalogue_;
    Timer sweep_timer_;
    std::set<HttpConnection*> connections_;
    std::map<std::string, std::size_t> by_source_; ///< connections, by network
    std::function<void()> on_idle_;
    bool is_draining_ = false, is_stopping_ = false;
    Clock::time_point catalogue_wanted_;
    std::array<char, 28> request_id_{};
    std::uint64_t request_count_ = 0;
    std::string date_;
    std::int64_t date_s_ = 0;
};

} // namespace soup::gateway
