// See stream_out.hpp.
#include "thin_gateway/stream_out.hpp"

#include "thin_gateway/http_connection.hpp"
#include "thin_gateway/log.hpp"
#include "thin_gateway/worker.hpp"

#include <array>
#include <charconv>

namespace soup::gateway {
namespace {

constexpr unsigned stream_attempts_max = 3;

/// Gives the connection back however the stream ends.
class Lease {
public:
    Lease(StreamPool& pool, std::unique_ptr<PgStream> stream) : pool_(pool), stream_(std::move(stream)) {}
    ~Lease() { pool_.release(std::move(stream_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    PgStream& operator*() { return *stream_; }
    PgStream* operator->() { return stream_.get(); }

private:
    StreamPool& pool_;
    std::unique_ptr<PgStream> stream_;
};

void append_chunk(std::string& out, std::string_view bytes, bool is_chunked) {
    if (is_chunked) {
        std::array<char, 16> digits;
        out.append(digits.data(),
                   std::to_chars(digits.data(), digits.data() + digits.size(), bytes.size(), 16).ptr);
        out += "\r\n";
    }
    out += bytes;
    if (is_chunked) out += "\r\n";
}

} // namespace

Awaitable<std::optional<Problem>> stream_rows(Exchange& exchange, const Function& function,
                                              const PgCall& call) {
    StreamPool& pool = exchange.worker.streams();
    RowWriter writer(function);
    std::string rows_text, out;
    std::uint64_t rows = 0;
    std::optional<Lease> stream_place;
    auto fill = PgStream::Fill::refused;
    // Again only on a session that an upgrade has left behind: it has refused before the first row.
    for (unsigned attempt = 1; fill == PgStream::Fill::refused; ++attempt) {
        stream_place.reset();
        std::unique_ptr<PgStream> acquired = co_await pool.acquire(call.caller);
        if (!acquired) co_return problem("BUSY", "too many streamed results at a time");
        PgStream& candidate = *acquired;
        stream_place.emplace(pool, std::move(acquired));
        const bool is_started = co_await candidate.start(call);
        if (!is_started) co_return problem("BUSY", "the database is not available");
        fill = co_await candidate.fill(writer, rows_text, rows);
        if (fill != PgStream::Fill::refused) break;
        const Problem refusal = refusal_of(exchange, candidate.error());
        if (!is_outdated(candidate.error()) || rows > 0 || attempt == stream_attempts_max) co_return refusal;
    }
    Lease& stream = *stream_place;
    if (fill == PgStream::Fill::lost) co_return problem("BUSY", "the connection to the database broke");

    const bool is_chunked = !exchange.request.is_http_1_0;
    if (!is_chunked) exchange.keep_alive = false;
    exchange.status = 200;
    write_stream_head(out, exchange.frame());
    while (true) {
        if (!rows_text.empty()) append_chunk(out, rows_text, is_chunked);
        rows_text.clear();
        if (fill == PgStream::Fill::end) {
            append_chunk(out, "{\"end\":true,\"rows\":" + std::to_string(rows) + "}\n", is_chunked);
            if (is_chunked) out += "0\r\n\r\n";
        }
        exchange.bytes_out += out.size();
        const bool is_written = co_await exchange.connection.write(out);
        out.clear();
        if (!is_written) exchange.must_close = true;
        if (!is_written || fill == PgStream::Fill::end) co_return std::nullopt;
        try {
            fill = co_await stream->fill(writer, rows_text, rows);
        } catch (const std::exception& e) {
            log::warning("stream failed", e.what(), exchange.request_id());
            fill = PgStream::Fill::lost;
        }
        if (fill == PgStream::Fill::refused) {
            exchange.code = refusal_of(exchange, stream->error()).rule->code;
        } else if (fill == PgStream::Fill::lost) {
            exchange.code = rule_of("BUSY").code;
        } else {
            continue;
        }
        exchange.must_close = true;
        co_return std::nullopt;
    }
}

} // namespace soup::gateway
