// See worker.hpp.
#include "thin_gateway/worker.hpp"

#include "thin_gateway/http_connection.hpp"
#include "thin_gateway/log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <ctime>
#include <sodium.h>

namespace soup::gateway {
namespace {

PgTarget target(const Config& config, std::string_view use, milliseconds statement_limit,
                std::string_view more = {}) {
    // A backend whose gateway was killed looks after its client while it computes. The API refuses
    // serializable transactions, which somebody may have made the database's default.
    return {
        config.conninfo, "soup_gateway " + std::string(use),
        "-c statement_timeout=" + std::to_string(statement_limit.count()) +
            " -c client_connection_check_interval=2000 -c default_transaction_isolation=read\\ committed " +
            std::string(more)};
}

// Reading functions run in read-only transactions: a mistake in one of them cannot write.
constexpr std::string_view read_only = "-c default_transaction_read_only=on";

PoolSettings settings(const Config& config, std::string name, unsigned size, unsigned depth) {
    constexpr auto grace = std::chrono::seconds(5);
    return {std::move(name), size, depth, config.deadlines.pool, config.deadlines.request + grace};
}

// All logins may come from one source, a proxy, and none of them lasts.
PoolSettings without_shares(PoolSettings settings) {
    settings.has_shares = false;
    return settings;
}

constexpr auto sweep_every = std::chrono::milliseconds(100);

} // namespace

Worker::Worker(const Config& config, ServerHooks hooks)
    : config_(config), hooks_(std::move(hooks)),
      read_(executor(), target(config, "read", config.deadlines.request, read_only),
            settings(config, "read", config.pool.read, config.pool.depth)),
      write_(executor(), target(config, "write", config.deadlines.request),
             settings(config, "write", config.pool.write, config.pool.depth)),
      // A login computes for long; behind it nothing else may wait.
      login_(executor(), target(config, "login", config.deadlines.request),
             without_shares(settings(config, "login", config.pool.login, 1))),
      append_(executor(), target(config, "append", config.deadlines.request),
              settings(config, "append", config.pool.append, 1)),
      streams_(executor(), target(config, "stream", config.deadlines.stream, read_only), config.pool.stream,
               config.deadlines.pool),
      appends_(executor(), append_, {config.join_elements_max, config.join_bytes_max, config.deadlines.pool},
               metrics_),
      logins_(login_, callers_), body_room_(config.limits.bodies_bytes_max),
      rate_(config.rate_per_s / config.threads, std::max(1.0, config.rate_burst / config.threads)),
      sweep_timer_(executor()) {
    // Request ids: random per worker and start, then counting.
    std::array<unsigned char, 6> start;
    randombytes_buf(start.data(), start.size());
    sodium_bin2hex(request_id_.data(), 13, start.data(), start.size());
}

Worker::~Worker() = default;

void Worker::run() {
    for (Pool* pool : {&read_, &write_, &login_, &append_})
        pool->start();
    appends_.start();
    asio::co_spawn(context_, sweep(), asio::detached);
    context_.run();
}

void Worker::accept(Socket socket, bool is_internal) {
    error_code ec;
    const auto peer = socket.remote_endpoint(ec);
    if (ec || is_draining_) return;
    const Source source = source_of(peer.address());
    if (connections_.size() >= config_.connections_max ||
        by_source_[source.network] >= config_.connections_per_source_max) {
        if (by_source_[source.network] == 0) by_source_.erase(source.network);
        // Small enough for any socket buffer, so this write does not wait.
        constexpr std::string_view refusal = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                                             "Connection: close\r\nContent-Length: 0\r\n\r\n";
        socket.non_blocking(true, ec);
        socket.write_some(asio::buffer(refusal), ec);
        return;
    }
    ++by_source_[source.network];
    socket.set_option(tcp::no_delay(true), ec);
    const auto connection = std::make_shared<HttpConnection>(*this, std::move(socket), source, is_internal);
    connections_.insert(connection.get());
    asio::co_spawn(
        context_, [connection]() -> Awaitable<> { return connection->run(); }, asio::detached);
}

void Worker::left(HttpConnection* connection, const Source& source) {
    connections_.erase(connection);
    if (const auto it = by_source_.find(source.network); it != by_source_.end() && --it->second == 0)
        by_source_.erase(it);
    if (is_draining_ && connections_.empty() && on_idle_) std::exchange(on_idle_, nullptr)();
}

void Worker::publish(CataloguePtr catalogue) {
    catalogue_ = std::move(catalogue);
}

void Worker::drain(std::function<void()> on_idle) {
    is_draining_ = true;
    on_idle_ = std::move(on_idle);
    const auto told = connections_; // one that ends leaves the set
    for (HttpConnection* connection : told)
        if (connections_.contains(connection)) connection->drain();
    if (connections_.empty() && on_idle_) std::exchange(on_idle_, nullptr)();
}

void Worker::stop() {
    is_stopping_ = is_draining_ = true;
    appends_.stop();
    streams_.stop();
    for (Pool* pool : {&read_, &write_, &login_, &append_})
        pool->stop();
    const auto told = connections_;
    for (HttpConnection* connection : told)
        if (connections_.contains(connection)) connection->close();
    sweep_timer_.cancel();
}

bool Worker::is_ready() const {
    return catalogue_ && !is_draining_ && read_.ready() > 0 && write_.ready() > 0 && login_.ready() > 0 &&
           append_.ready() > 0;
}

Pool& Worker::pool_for(const Function& function) {
    if (function.name == "login") return login_;
    return function.is_read_only ? read_ : write_;
}

const std::array<char, 28>& Worker::next_request_id() {
    constexpr std::string_view hex = "0123456789abcdef";
    std::uint64_t count = ++request_count_;
    for (std::size_t i = 28; i-- > 12; count >>= 4)
        request_id_[i] = hex[count & 15];
    return request_id_;
}

std::string_view Worker::http_date() {
    const auto now_s =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    if (now_s != date_s_) {
        date_s_ = now_s;
        const std::time_t time = now_s;
        std::tm parts{};
        gmtime_r(&time, &parts);
        std::array<char, 64> text;
        date_.assign(text.data(),
                     std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts));
    }
    return date_;
}

void Worker::renew_sessions() {
    for (Pool* pool : {&read_, &write_, &login_, &append_})
        pool->recycle();
    streams_.forget_idle();
    const auto now = Clock::now();
    if (now - catalogue_wanted_ < std::chrono::seconds(1)) return;
    catalogue_wanted_ = now;
    hooks_.want_catalogue();
}

Awaitable<> Worker::sweep() {
    while (!is_stopping_) {
        sweep_timer_.expires_after(sweep_every);
        error_code ignored;
        co_await sweep_timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
        const auto now = Clock::now();
        for (Pool* pool : {&read_, &write_, &login_, &append_})
            pool->sweep(now);
        streams_.sweep(now);
        appends_.sweep(now);
        const auto told = connections_;
        for (HttpConnection* connection : told)
            if (connections_.contains(connection)) connection->sweep(now);
        update_gauges();
    }
}

void Worker::update_gauges() {
    for (const Pool* pool : {&read_, &write_, &login_})
        metrics_.set_pool(pool->settings().name,
                          {pool->ready(), pool->under_way(), pool->waiting(), pool->callers_waiting()});
    // Appends wait to be joined, not for a connection.
    metrics_.set_pool("append",
                      {append_.ready(), append_.under_way(), appends_.waiting(), appends_.callers_waiting()});
    metrics_.set_pool("stream", {config_.pool.stream, streams_.under_way(), streams_.waiting(),
                                 streams_.callers_waiting()});
    metrics_.set_connections(connections_.size());
}

} // namespace soup::gateway
