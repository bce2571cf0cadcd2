// See pg_stream.hpp.
#include "thin_gateway/pg_stream.hpp"

#include "thin_gateway/types.hpp"

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

Awaitable<std::unique_ptr<PgStream>> StreamPool::acquire() {
    if (active_.size() >= streams_max_) {
        Signal signal;
        line_.push_back({&signal, Clock::now() + wait_limit_});
        if (!signal.is_set()) co_await signal.wait();
        if (active_.size() >= streams_max_) co_return nullptr;
    }
    std::unique_ptr<PgStream> stream;
    if (!idle_.empty()) {
        stream = std::move(idle_.back());
        idle_.pop_back();
    } else {
        stream = std::make_unique<PgStream>(executor_, target_);
    }
    active_.insert(stream.get());
    co_return stream;
}

void StreamPool::release(std::unique_ptr<PgStream> stream) {
    constexpr std::size_t idle_max = 2;
    active_.erase(stream.get());
    if (stream->is_reusable() && idle_.size() < idle_max && streams_max_ > 0)
        idle_.push_back(std::move(stream));
    else
        stream.reset();
    if (line_.empty()) return;
    Signal* const next = line_.front().signal;
    line_.pop_front();
    next->notify();
}

void StreamPool::sweep(Clock::time_point now) {
    while (!line_.empty() && line_.front().deadline <= now) {
        Signal* const late = line_.front().signal;
        line_.pop_front();
        late->notify(); // finds no place free
    }
}

void StreamPool::stop() {
    streams_max_ = 0;
    idle_.clear();
    for (PgStream* stream : active_)
        stream->interrupt();
    for (const Waiting& waiting : std::exchange(line_, {}))
        waiting.signal->notify();
}

} // namespace soup::gateway
