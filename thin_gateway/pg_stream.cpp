// See pg_stream.hpp.
#include "thin_gateway/pg_stream.hpp"

#include "thin_gateway/types.hpp"

#include <algorithm>

namespace soup::gateway {

Awaitable<bool> PgStream::start(const PgCall& call) {
    has_ended_ = false;
    error_ = {};
    if (!link_.is_open()) {
        const bool is_connected = co_await link_.connect(target_);
        if (!is_connected) co_return false;
    }
    PGconn* const conn = link_.raw();
    constexpr int binary_results = 1;
    if (!PQsendQueryParams(conn, call.statement->sql.c_str(), static_cast<int>(call.values.size()),
                           call.statement->types.data(), call.values.data(), call.lengths.data(),
                           call.formats.data(), binary_results) ||
        !PQsetSingleRowMode(conn))
        co_return false;
    int rest = PQflush(conn);
    while (rest == 1) {
        const bool is_writable = co_await link_.wait_writable();
        rest = is_writable ? PQflush(conn) : -1;
    }
    co_return rest == 0;
}

Awaitable<PgStream::Fill> PgStream::fill(RowWriter& writer, std::string& out, std::uint64_t& rows) {
    constexpr std::size_t chunk_bytes = 32 << 10;
    PGconn* const conn = link_.raw();
    while (true) {
        while (!PQisBusy(conn)) {
            const PgResult result(PQgetResult(conn));
            if (!result) {
                has_ended_ = true;
                co_return error_.sqlstate.empty() ? Fill::end : Fill::refused;
            }
            const auto status = PQresultStatus(result.get());
            if (status == PGRES_SINGLE_TUPLE) {
                if (PQgetisnull(result.get(), 0, 0))
                    out += "null";
                else
                    writer.write(out,
                                 {PQgetvalue(result.get(), 0, 0),
                                  static_cast<std::size_t>(PQgetlength(result.get(), 0, 0))},
                                 PQftype(result.get(), 0));
                out += '\n';
                ++rows;
                if (out.size() >= chunk_bytes) co_return Fill::more;
            } else if (status != PGRES_TUPLES_OK) {
                error_ = server_error(result.get());
                if (error_.sqlstate.empty()) co_return Fill::lost;
            }
        }
        if (!out.empty()) co_return Fill::more;
        const bool is_readable = co_await link_.wait_readable();
        if (!is_readable || PQconsumeInput(conn) == 0) co_return Fill::lost;
    }
}

bool StreamPool::has_place_for(const Caller& caller) const {
    Holdings held;
    for (const PgStream* stream : active_)
        held.add(kin(stream->caller, caller));
    held.free = streams_max_ - std::min(streams_max_, active_.size());
    return held.has_share_left();
}

std::unique_ptr<PgStream> StreamPool::take(const Caller& caller) {
    std::unique_ptr<PgStream> stream;
    if (!idle_.empty()) {
        stream = std::move(idle_.back());
        idle_.pop_back();
    } else {
        stream = std::make_unique<PgStream>(executor_, target_);
    }
    stream->caller = caller;
    active_.push_back(stream.get());
    return stream;
}

Awaitable<std::unique_ptr<PgStream>> StreamPool::acquire(Caller caller) {
    // Who waits may not be served now, or release() would have: a newcomer that may passes nobody.
    if (has_place_for(caller)) co_return take(caller);
    if (streams_max_ == 0) co_return nullptr; // it has been stopped
    Waiting waiting;
    waiting.caller = caller;
    waiting.deadline = Clock::now() + wait_limit_;
    line_.push_back(waiting);
    co_await waiting.signal.wait();
    co_return std::move(waiting.stream);
}

void StreamPool::release(std::unique_ptr<PgStream> stream) {
    constexpr std::size_t idle_max = 2;
    std::erase(active_, stream.get());
    if (stream->is_reusable() && idle_.size() < idle_max && streams_max_ > 0)
        idle_.push_back(std::move(stream));
    else
        stream.reset();
    while (Waiting* const next = line_.pop([this](const Waiting& w) { return has_place_for(w.caller); })) {
        next->stream = take(next->caller);
        next->signal.notify();
    }
}

void StreamPool::sweep(Clock::time_point now) {
    for (Waiting* late : line_.take_late(now))
        late->signal.notify(); // without a stream
}

void StreamPool::stop() {
    streams_max_ = 0;
    idle_.clear();
    for (PgStream* stream : active_)
        stream->interrupt();
    for (Waiting* waiting : line_.take_all())
        waiting->signal.notify();
}

} // namespace soup::gateway
