// See pool.hpp.
#include "thin_gateway/pool.hpp"

#include <algorithm>
#include <array>
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
    for (PgCall* call : line_.take_all())
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
    // Who waits may not be served now, or assign() would have: a newcomer that may passes nobody.
    if (PgPipeline* const connection = connection_for(call.caller))
        connection->send(call);
    else
        line_.push_back(call);
    if (!call.finished.is_set()) co_await call.finished.wait();
}

PgPipeline* Pool::connection_for(const Caller& caller) const {
    // The best connections of anybody, of whom the caller is kin to, of itself.
    std::array<PgPipeline*, 3> best{};
    Holdings held;
    for (const auto& connection : connections_) {
        if (!connection->takes_calls()) continue;
        const std::size_t under_way = connection->under_way();
        const Kin holder = connection->nearest_kin(caller);
        held.add(holder);
        held.free += under_way == 0;
        if (under_way >= settings_.depth) continue;
        for (std::size_t i = 0; i <= static_cast<std::size_t>(holder); ++i)
            if (!best[i] || under_way < best[i]->under_way()) best[i] = connection.get();
    }
    if (caller.is_gateway() || !settings_.has_shares || held.has_share_left()) return best[0];
    if (held.by_member > 0) return best[static_cast<std::size_t>(Kin::member)];
    return best[static_cast<std::size_t>(held.has_group_any ? Kin::group : Kin::none)];
}

void Pool::assign() {
    PgPipeline* connection = nullptr;
    const auto may_be_sent = [&](const PgCall& call) {
        connection = connection_for(call.caller);
        return connection != nullptr;
    };
    while (PgCall* const call = line_.pop(may_be_sent))
        connection->send(*call);
}

void Pool::sweep(Clock::time_point now) {
    for (auto& connection : connections_)
        connection->sweep(now, settings_.call_limit);
    for (PgCall* call : line_.take_late(now))
        call->finish(PgCall::Outcome::unsent);
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
