// See http_connection.hpp.
#include "thin_gateway/http_connection.hpp"

#include "thin_gateway/log.hpp"

#include <algorithm>
#include <cstring>

namespace soup::gateway {
namespace {

constexpr std::size_t input_bytes_min = 8 << 10;
// While a big body comes in. From 128 KiB on malloc would take fresh pages from the kernel each time.
constexpr std::size_t input_bytes_body = 64 << 10;

} // namespace

HttpConnection::HttpConnection(Worker& worker, Socket socket, Source source, bool is_internal)
    : worker_(worker), socket_(std::move(socket)), source_(std::move(source)), is_internal_(is_internal),
      input_(input_bytes_min) {
    error_code ignored;
    socket_.non_blocking(true, ignored);
}

Awaitable<> HttpConnection::run() {
    const auto self = shared_from_this();
    try {
        co_await serve();
    } catch (const std::exception& e) {
        // Out of memory, most likely: this client pays, the others go on.
        log::warning("connection failed", e.what());
    }
    exchange_.reset();
    give_room();
    error_code ignored;
    socket_.close(ignored);
    worker_.left(this, source_);
}

Awaitable<> HttpConnection::serve() {
    bool goes_on = true;
    while (goes_on && !is_closing_) {
        const Read read = co_await read_request();
        if (read == Read::ended) break;
        if (read == Read::request) {
            goes_on = co_await answer();
        } else {
            const Problem problem = *std::exchange(refusal_, std::nullopt);
            goes_on = co_await refuse(problem);
        }
        give_room();
    }
}

void HttpConnection::enter(Phase phase, Clock::duration limit) {
    phase_ = phase;
    deadline_ = Clock::now() + limit;
}

void HttpConnection::enter_body() {
    const auto& deadlines = worker_.config().deadlines;
    phase_ = Phase::body;
    deadline_ = pace_.emplace(deadlines.body, deadlines.body_bytes_per_s_min, Clock::now()).deadline();
}

void HttpConnection::keep_pace(std::size_t bytes) {
    pace_->received(bytes, Clock::now());
    deadline_ = pace_->deadline();
}

Awaitable<HttpConnection::Read> HttpConnection::read_request() {
    const auto& deadlines = worker_.config().deadlines;
    parser_.emplace(request_, worker_.config().limits);
    bool has_continued = false;
    enter(Phase::idle, deadlines.idle);
    if (input_begin_ == input_end_ && worker_.is_draining()) co_return Read::ended;
    while (true) {
        if (input_begin_ != input_end_) {
            if (phase_ == Phase::idle) enter(Phase::header, deadlines.header);
            const std::size_t had = request_.body.size();
            try {
                input_begin_ += parser_->feed({input_.data.get() + input_begin_, input_end_ - input_begin_});
                // Once, and not when the body is here already: then the connection can go on after a refusal.
                if (phase_ == Phase::header && parser_->has_header() && !parser_->is_done())
                    check_head(worker_, request_, is_internal_);
            } catch (const Problem& problem) {
                refusal_ = problem;
                co_return Read::refused;
            }
            if (parser_->has_header()) {
                if (!take_room()) {
                    refusal_ = problem("BUSY", "too many big requests at a time");
                    co_return Read::refused;
                }
                if (parser_->is_done()) co_return Read::request;
                if (phase_ == Phase::header)
                    enter_body();
                else
                    keep_pace(request_.body.size() - had);
                if (request_.expects_continue && !has_continued) {
                    has_continued = true;
                    const bool is_written = co_await write("HTTP/1.1 100 Continue\r\n\r\n");
                    if (!is_written) co_return Read::ended;
                    enter_body();
                }
                make_space(parser_->body_bytes_announced());
            }
        }
        make_space(0);
        error_code ec;
        input_end_ += co_await socket_.async_read_some(
            asio::buffer(input_.data.get() + input_end_, input_.size - input_end_),
            asio::redirect_error(use_awaitable, ec));
        if (!ec && !is_closing_ && !has_timed_out_) continue;
        if (has_timed_out_ && phase_ != Phase::idle) {
            refusal_ = problem("HTTP_TIMEOUT", {});
            co_return Read::refused;
        }
        co_return Read::ended;
    }
}

void HttpConnection::make_space(std::size_t announced) {
    if (input_begin_ == input_end_) {
        input_begin_ = input_end_ = 0;
        const std::size_t wanted = announced > input_bytes_body ? input_bytes_body : input_bytes_min;
        if (announced ? input_.size < wanted : phase_ == Phase::idle && input_.size > input_bytes_min)
            input_ = Input(wanted);
    } else if (input_end_ == input_.size) {
        // Grows for a header only, and the parser refuses headers beyond their limit.
        const std::string_view rest(input_.data.get() + input_begin_, input_end_ - input_begin_);
        if (input_begin_ == 0) {
            Input wider(input_.size * 2);
            std::memcpy(wider.data.get(), rest.data(), rest.size());
            input_ = std::move(wider);
        } else {
            std::memmove(input_.data.get(), rest.data(), rest.size());
        }
        input_end_ -= input_begin_;
        input_begin_ = 0;
    }
}

// Room is for what has come, not for what is announced: an announcement costs nobody anything, and nobody has
// looked at a token yet. A body no bigger than the connection's own buffer needs none.
bool HttpConnection::take_room() {
    const std::size_t needed = request_.body.size();
    if (needed <= std::max(room_, input_bytes_min)) return true;
    if (room_ == 0) room_group_ = sender_of(worker_, request_, source_.network).group;
    if (!worker_.body_room().take(room_group_, room_, needed - room_)) return false;
    room_ = needed;
    return true;
}

void HttpConnection::give_room() {
    worker_.body_room().give(room_group_, std::exchange(room_, 0));
}

Awaitable<bool> HttpConnection::answer() {
    const auto since = Clock::now();
    phase_ = Phase::answering;
    deadline_ = Clock::time_point::max();
    Exchange& exchange = exchange_.emplace(worker_, *this, request_, is_internal_, source_.network);
    exchange.keep_alive = request_.keep_alive && !worker_.is_draining();
    prepare(exchange);
    if (exchange.append) {
        // The call refers to the request's body. Nothing is read from the client before it has ended, so the
        // request stays as it is even where the client has gone.
        Signal& finished = exchange.append->finished;
        worker_.appends().add(*exchange.append);
        if (!finished.is_set()) co_await finished.wait();
        finish_append(exchange);
    }
    if (!exchange.response) co_await perform(exchange);
    bool is_written = !exchange.must_close;
    if (exchange.response) {
        render(exchange);
        is_written = try_write(output_);
        if (!is_written) is_written = co_await write(output_rest_);
    }
    log_answer(exchange, since);
    const bool goes_on = is_written && exchange.keep_alive;
    exchange_.reset();
    co_return goes_on;
}

// The request was not understood or not read to its end, so where the next one begins is unknown.
Awaitable<bool> HttpConnection::refuse(const Problem& problem) {
    const auto since = Clock::now();
    Exchange& exchange = exchange_.emplace(worker_, *this, request_, is_internal_, source_.network);
    exchange.keep_alive = false;
    if (parser_->has_header()) exchange.route = route_name(request_, worker_.catalogue().get());
    exchange.refuse(problem);
    render(exchange);
    has_timed_out_ = false;
    const bool is_written = co_await write(output_);
    log_answer(exchange, since);
    exchange_.reset();
    if (is_written) co_await linger();
    co_return false;
}

void HttpConnection::render(Exchange& exchange) {
    const Response& response = *exchange.response;
    exchange.status = response.status;
    exchange.code = response.code;
    if (worker_.is_draining()) exchange.keep_alive = false; // the drain may have begun since
    constexpr std::size_t kept_bytes_max = 256 << 10;
    if (output_.capacity() > kept_bytes_max) std::string().swap(output_);
    output_.clear();
    write_response(output_, response, exchange.frame());
    exchange.bytes_out = output_.size();
}

// Closing while the client still sends would reset the connection and destroy the answer on its way.
Awaitable<> HttpConnection::linger() {
    constexpr auto linger_limit = std::chrono::seconds(2);
    error_code ec;
    socket_.shutdown(Socket::shutdown_send, ec);
    enter(Phase::writing, linger_limit);
    std::size_t count = 1;
    while (!ec && count > 0 && !has_timed_out_ && !is_closing_)
        count = co_await socket_.async_read_some(asio::buffer(input_.data.get(), input_.size),
                                                 asio::redirect_error(use_awaitable, ec));
}

// The socket's buffer nearly always has room for all of it; only if not, a coroutine waits.
bool HttpConnection::try_write(std::string_view bytes) {
    error_code ec;
    const std::size_t count = socket_.write_some(asio::buffer(bytes.data(), bytes.size()), ec);
    output_rest_ = bytes.substr(ec ? 0 : count);
    return !ec && output_rest_.empty();
}

Awaitable<bool> HttpConnection::write(std::string_view bytes) {
    while (!bytes.empty()) {
        enter(Phase::writing, worker_.config().deadlines.write);
        error_code ec;
        const std::size_t count = co_await socket_.async_write_some(asio::buffer(bytes.data(), bytes.size()),
                                                                    asio::redirect_error(use_awaitable, ec));
        if (ec || has_timed_out_ || is_closing_) co_return false;
        bytes.remove_prefix(count);
    }
    co_return true;
}

void HttpConnection::sweep(Clock::time_point now) {
    if (deadline_ > now || has_timed_out_) return;
    has_timed_out_ = true;
    deadline_ = Clock::time_point::max();
    error_code ignored;
    socket_.cancel(ignored);
}

void HttpConnection::drain() {
    if (phase_ != Phase::idle) return;
    is_closing_ = true;
    error_code ignored;
    socket_.cancel(ignored);
}

void HttpConnection::close() {
    is_closing_ = true;
    error_code ignored;
    socket_.close(ignored);
}

void HttpConnection::log_answer(const Exchange& exchange, Clock::time_point since) {
    const auto time = Clock::now() - since;
    worker_.metrics().count_request(exchange.route, exchange.status, time);
    log::request({exchange.request_id(), exchange.route, request_.method_name, exchange.code, source_.address,
                  exchange.status, std::chrono::duration<double, std::milli>(time).count(),
                  request_.body.size(), exchange.bytes_out});
}

} // namespace soup::gateway
