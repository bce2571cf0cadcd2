// See server.hpp.
#include "thin_gateway/server.hpp"

#include "thin_gateway/log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace soup::gateway {
namespace {

constexpr auto catalogue_sql = "SELECT name, exposure, args::text, columns::text, volatility::text, "
                               "coalesce(comment, ''), returns_set, paged FROM soup_api.catalogue()";

std::string text_at(const PGresult* result, int row, int column) {
    return {PQgetvalue(result, row, column), static_cast<std::size_t>(PQgetlength(result, row, column))};
}

bool boolean_at(const PGresult* result, int row, int column) {
    return PQgetlength(result, row, column) == 1 && PQgetvalue(result, row, column)[0] != 0;
}

std::vector<std::unique_ptr<Worker>> make_workers(const Config& config, const ServerHooks& hooks) {
    std::vector<std::unique_ptr<Worker>> workers;
    workers.reserve(config.threads);
    for (unsigned i = 0; i < config.threads; ++i)
        workers.push_back(std::make_unique<Worker>(config, hooks));
    return workers;
}

} // namespace

Server::Server(const Config& config)
    : config_(config),
      workers_(make_workers(config, {[this] { want_catalogue(); }, [this] { return metrics_text(); }})),
      signals_(workers_.front()->context()), catalogue_timer_(workers_.front()->executor()),
      drain_timer_(workers_.front()->executor()),
      catalogue_statement_(std::make_shared<const Statement>(catalogue_sql, std::vector<Oid>{})) {
    Worker& home = *workers_.front();
    const auto listen = [&](const Address& address, bool is_internal) {
        listeners_.push_back(
            std::make_unique<Listener>(home, workers_, address, is_internal, config.plain_beyond_loopback));
    };
    listen(config.listen, false);
    if (config.has_internal) listen(config.internal_listen, true);
}

void Server::run() {
    std::signal(SIGPIPE, SIG_IGN);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP})
        signals_.add(signal);
    wait_for_signal();
    asio::co_spawn(workers_.front()->context(), keep_catalogue(), asio::detached);
    for (auto& listener : listeners_)
        listener->start();
    write_port_file();
    log::event("listening", config_.listen.host + ":" + std::to_string(listeners_.front()->port()));

    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < workers_.size(); ++i)
        threads.emplace_back([worker = workers_[i].get()] { worker->run(); });
    workers_.front()->run();
    for (std::thread& thread : threads)
        thread.join();
    log::event("stopped");
}

void Server::write_port_file() const {
    if (config_.port_file.empty()) {
        for (const auto& listener : listeners_)
            std::printf("%u\n", listener->port());
        std::fflush(stdout);
        return;
    }
    // Renamed into place: whoever waits for the file never reads half of it.
    const std::string fresh = config_.port_file + ".new";
    std::ofstream out(fresh);
    for (const auto& listener : listeners_)
        out << listener->port() << '\n';
    out.close();
    if (!out) throw std::runtime_error("could not write " + fresh);
    std::filesystem::rename(fresh, config_.port_file);
}

void Server::wait_for_signal() {
    signals_.async_wait([this](const error_code& ec, int signal) {
        if (ec) return;
        if (signal == SIGHUP)
            want_catalogue();
        else if (is_draining_)
            stop(); // told twice
        else
            drain();
        if (!is_stopped_) wait_for_signal();
    });
}

void Server::drain() {
    is_draining_ = true;
    log::event("draining");
    for (auto& listener : listeners_)
        listener->stop();
    busy_workers_ = workers_.size();
    for (auto& worker : workers_)
        asio::post(worker->context(), [this, worker = worker.get()] {
            worker->drain([this] {
                asio::post(workers_.front()->context(), [this] {
                    if (--busy_workers_ == 0) stop();
                });
            });
        });
    drain_timer_.expires_after(config_.deadlines.drain);
    drain_timer_.async_wait([this](const error_code& ec) {
        if (ec) return;
        log::warning("drain deadline passed");
        stop();
    });
}

void Server::stop() {
    if (std::exchange(is_stopped_, true)) return;
    drain_timer_.cancel();
    catalogue_timer_.cancel();
    signals_.cancel();
    for (auto& listener : listeners_)
        listener->stop();
    for (auto& worker : workers_)
        asio::post(worker->context(), [worker = worker.get()] { worker->stop(); });
}

void Server::want_catalogue() {
    asio::post(workers_.front()->context(), [this] {
        wants_catalogue_ = true;
        catalogue_timer_.cancel();
    });
}

Awaitable<> Server::keep_catalogue() {
    constexpr auto retry_after = std::chrono::milliseconds(500);
    constexpr auto forever = std::chrono::hours(1);
    while (!is_stopped_) {
        if (wants_catalogue_) {
            wants_catalogue_ = false;
            const CataloguePtr catalogue = co_await read_catalogue();
            if (catalogue) publish(catalogue);
            wants_catalogue_ |= !catalogue;
        }
        if (is_stopped_) break;
        catalogue_timer_.expires_after(wants_catalogue_ ? Clock::duration(retry_after)
                                                        : Clock::duration(forever));
        error_code ignored;
        co_await catalogue_timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
    }
}

Awaitable<CataloguePtr> Server::read_catalogue() {
    Pool& pool = workers_.front()->read_pool();
    PgCall call(catalogue_statement_);
    co_await pool.run(call);
    if (call.outcome != PgCall::Outcome::done) {
        const std::string why =
            call.error ? call.error->sqlstate + ": " + call.error->message : pool.last_error();
        // Said once, not twice a second for as long as the database is away.
        if (!is_stopped_ && why != last_failure_) log::warning("catalogue not read", why);
        last_failure_ = why;
        co_return nullptr;
    }
    last_failure_.clear();
    const PGresult* const result = call.result.get();
    const int row_count = PQntuples(result);
    std::vector<Catalogue::Row> rows;
    rows.reserve(static_cast<std::size_t>(row_count));
    for (int i = 0; i < row_count; ++i)
        rows.push_back({text_at(result, i, 0), text_at(result, i, 1), text_at(result, i, 2),
                        text_at(result, i, 3), text_at(result, i, 4), text_at(result, i, 5),
                        boolean_at(result, i, 6), boolean_at(result, i, 7)});
    co_return std::make_shared<const Catalogue>(rows);
}

void Server::publish(const CataloguePtr& catalogue) {
    for (const std::string& name : catalogue->skipped())
        log::warning("function not served", name);
    log::event("catalogue read", std::to_string(catalogue->functions().size()) + " functions");
    for (auto& worker : workers_)
        asio::post(worker->context(), [worker = worker.get(), catalogue] { worker->publish(catalogue); });
}

std::string Server::metrics_text() {
    std::vector<Metrics*> parts;
    parts.reserve(workers_.size());
    for (auto& worker : workers_)
        parts.push_back(&worker->metrics());
    return Metrics::text(parts);
}

} // namespace soup::gateway
