// See pg_pipeline.hpp.
#include "thin_gateway/pg_pipeline.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <random>

namespace soup::gateway {
namespace {

constexpr std::size_t statements_max = 500; // on one connection; each is memory in its backend
constexpr auto connect_limit = std::chrono::seconds(10);

} // namespace

PgPipeline::PgPipeline(const Executor& executor, PgTarget target, std::function<void()> on_change)
    : executor_(executor), target_(std::move(target)), on_change_(std::move(on_change)), link_(executor),
      timer_(executor) {}

Awaitable<> PgPipeline::run() {
    constexpr auto pause_min = std::chrono::milliseconds(50), pause_max = std::chrono::milliseconds(500);
    thread_local std::minstd_rand jitter{std::random_device{}()};
    auto pause_ms = pause_min;
    while (!is_stopping_) {
        const bool is_open = co_await open();
        if (is_open && !is_stopping_) {
            pause_ms = pause_min;
            is_ready_ = true;
            on_change_();
            co_await read();
            lose();
            on_change_();
        }
        if (is_stopping_) break;
        co_await pause(pause_ms / 2 + std::chrono::milliseconds(jitter() % pause_ms.count()) / 2);
        pause_ms = std::min(pause_ms * 2, pause_max);
    }
    link_.close();
    has_ended_ = true;
    on_change_();
}

Awaitable<bool> PgPipeline::open() {
    connecting_since_ = Clock::now();
    const bool is_connected = co_await link_.connect(target_);
    connecting_since_ = {};
    co_return is_connected&& PQenterPipelineMode(link_.raw()) == 1;
}

Awaitable<> PgPipeline::read() {
    while (!is_stopping_ && !(wants_recycling_ && entries_.empty())) {
        const bool is_readable = co_await link_.wait_readable();
        if (!is_readable || PQconsumeInput(link_.raw()) == 0) break;
        take_results();
        if (!link_.is_open()) break;
        flush();
    }
}

Awaitable<> PgPipeline::pause(Clock::duration time) {
    timer_.expires_after(time);
    error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
}

void PgPipeline::stop() {
    is_stopping_ = true;
    timer_.cancel();
    link_.interrupt();
}

Kin PgPipeline::nearest_kin(const Caller& caller) const {
    auto nearest = Kin::none;
    for (const Entry& entry : entries_) {
        if (entry.call) nearest = std::max(nearest, kin(entry.call->caller, caller));
        if (nearest == Kin::member) break;
    }
    return nearest;
}

void PgPipeline::sweep(Clock::time_point now, Clock::duration call_limit) {
    const bool connect_hangs =
        connecting_since_ != Clock::time_point{} && now - connecting_since_ > connect_limit;
    // The server ends calls by statement_timeout; one that outlives it by far sits on a dead connection.
    const bool call_hangs = !entries_.empty() && now - entries_.front().since > call_limit;
    if (connect_hangs || call_hangs) link_.interrupt();
}

void PgPipeline::recycle() {
    wants_recycling_ = true;
    if (is_ready_ && entries_.empty()) link_.interrupt();
}

void PgPipeline::send(PgCall& call) {
    PGconn* const conn = link_.raw();
    const Statement& statement = *call.statement;
    if (prepared_.size() >= statements_max) forget_statements();
    Entry entry{&call, 0, false, Clock::now()};
    bool is_sent = true;
    if (prepared_.insert(statement.id).second) {
        entry.preparing = statement.id;
        is_sent = PQsendPrepare(conn, statement.name.c_str(), statement.sql.c_str(),
                                static_cast<int>(statement.types.size()), statement.types.data()) == 1;
    }
    constexpr int binary_results = 1;
    is_sent =
        is_sent &&
        PQsendQueryPrepared(conn, statement.name.c_str(), static_cast<int>(call.values.size()),
                            call.values.data(), call.lengths.data(), call.formats.data(), binary_results) &&
        PQpipelineSync(conn);
    // The time a call waits behind others on this connection is not its own.
    entries_.push_back(entry);
    if (!is_sent) {
        // Only a broken connection, or no memory, gets here: the reading coroutine cleans up.
        is_ready_ = false;
        link_.interrupt();
        return;
    }
    flush();
}

void PgPipeline::forget_statements() {
    prepared_.clear();
    if (PQsendQueryParams(link_.raw(), "DEALLOCATE ALL", 0, nullptr, nullptr, nullptr, nullptr, 0) &&
        PQpipelineSync(link_.raw()))
        entries_.push_back({nullptr, 0, false, Clock::now()});
}

void PgPipeline::flush() {
    if (is_flushing_ || PQflush(link_.raw()) != 1) return; // an error shows up when reading
    is_flushing_ = true;
    asio::co_spawn(executor_, flush_rest(), asio::detached);
}

// The socket is full: a big append. Reading goes on meanwhile, or both sides could wait for each other.
Awaitable<> PgPipeline::flush_rest() {
    bool has_rest = true;
    while (has_rest) {
        const bool is_writable = co_await link_.wait_writable();
        has_rest = is_writable && link_.is_open() && PQflush(link_.raw()) == 1;
    }
    is_flushing_ = false;
}

void PgPipeline::take_results() {
    int nulls = 0; // libpq gives one after each statement, two in a row when there is nothing more
    while (!entries_.empty() && nulls < 2 && !PQisBusy(link_.raw())) {
        PgResult result(PQgetResult(link_.raw()));
        nulls = result ? 0 : nulls + 1;
        if (result) take(std::move(result));
    }
}

void PgPipeline::take(PgResult result) {
    Entry& entry = entries_.front();
    switch (PQresultStatus(result.get())) {
    case PGRES_PIPELINE_SYNC:
        return finish_front();
    case PGRES_TUPLES_OK:
        if (entry.call) entry.call->result = std::move(result);
        return;
    case PGRES_COMMAND_OK:
        entry.has_prepared = true;
        return;
    case PGRES_PIPELINE_ABORTED:
        return; // follows the error of this Sync
    default:
        if (entry.preparing && !entry.has_prepared) prepared_.erase(entry.preparing);
        if (entry.call && !entry.call->error) entry.call->error = server_error(result.get());
    }
}

void PgPipeline::finish_front() {
    PgCall* const call = entries_.front().call;
    entries_.pop_front();
    if (!entries_.empty()) entries_.front().since = Clock::now();
    on_change_(); // who waits in line takes the place, and not the next call of who gives it up
    if (!call) return;
    // The waiting coroutine goes on in here and may send its next call: nothing of this object is held.
    call->finish(call->error || !call->result ? PgCall::Outcome::refused : PgCall::Outcome::done);
}

void PgPipeline::lose() {
    is_ready_ = wants_recycling_ = false;
    prepared_.clear();
    link_.interrupt();
    link_.close();
    auto lost = std::move(entries_);
    entries_.clear();
    for (const Entry& entry : lost)
        if (entry.call) entry.call->finish(PgCall::Outcome::lost);
}

} // namespace soup::gateway
