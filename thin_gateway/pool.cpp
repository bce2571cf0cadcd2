// See pool.hpp.
#include "thin_gateway/pool.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace soup::gateway {

Pool::Pool(const Executor& executor, const PgTarget& target, PoolSettings settings)
    : executor_(executor), settings_(std::move(settings)) {
    for (unsigned i = 0; i < settings_.size; ++i)
        connections_.push_back(std::make_unique<PgPipeline>(executor, target, [this] { assign(); }));
}

void Pool::start() {
    for (auto& connection : connections_)
        asio::co_spawn(executor_, connection->run(), asio::detached);
}

void Pool::stop() {
    is_stopping_ = true;
    for (auto& connection : connections_)
        connection->stop();
    for (PgCall* call : std::exchange(line_, {}))
        call->finish(PgCall::Outcome::unsent);
}

bool Pool::has_ended() const {
    return std::all_of(connections_.begin(), connections_.end(),
                       [](const auto& c) { return c->has_ended(); });
}

Awaitable<> Pool::run(PgCall& call) {
    if (is_stopping_) {
        call.outcome = PgCall::Outcome::unsent;
        co_return;
    }
    call.deadline = Clock::now() + settings_.wait_limit;
    line_.push_back(&call);
    assign();
    if (!call.finished.is_set()) co_await call.finished.wait();
}

void Pool::assign() {
    while (!line_.empty()) {
        PgPipeline* best = nullptr;
        for (auto& connection : connections_)
            if (connection->takes_calls() && connection->under_way() < settings_.depth &&
                (!best || connection->under_way() < best->under_way()))
                best = connection.get();
        if (!best) return;
        PgCall& call = *line_.front();
        line_.pop_front();
        best->send(call);
    }
}

void Pool::sweep(Clock::time_point now) {
    for (auto& connection : connections_)
        connection->sweep(now, settings_.call_limit);
    // All wait equally long, so the line is in order of deadline.
    while (!line_.empty() && line_.front()->deadline <= now) {
        PgCall& call = *line_.front();
        line_.pop_front();
        call.finish(PgCall::Outcome::unsent);
    }
}

void Pool::recycle() {
    for (auto& connection : connections_)
        connection->recycle();
}

std::size_t Pool::ready() const {
    return static_cast<std::size_t>(
        std::count_if(connections_.begin(), connections_.end(), [](const auto& c) { return c->is_ready(); }));
}

std::size_t Pool::under_way() const {
    std::size_t count = 0;
    for (const auto& connection : connections_)
        count += connection->under_way();
    return count;
}

const std::string& Pool::last_error() const {
    return connections_.front()->last_error();
}

} // namespace soup::gateway
