// One client connection: read a request, have it answered, write, repeat; in order, one at a time.
//
// Requests that a client sends ahead wait in the buffer, so answers and appends keep their order. Each
// operation has its own deadline, kept as a number that the worker's sweep compares a few times a second: a
// timer for each read would cost more than the read. When a deadline passes, the pending operation is
// cancelled and its coroutine decides what to say.
#pragma once

#include "thin_gateway/body_pace.hpp"
#include "thin_gateway/dispatch.hpp"
#include "thin_gateway/request_parser.hpp"
#include "thin_gateway/worker.hpp"

namespace soup::gateway {

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
public:
    HttpConnection(Worker& worker, Socket socket, Source source, bool is_internal);

    Awaitable<> run();

    /// Called by the sweep: acts if a deadline has passed.
    void sweep(Clock::time_point now);
    /// An idle connection ends now, a busy one after its answer.
    void drain();
    /// Ends at once.
    void close();

    /// Writes all, with a deadline for each progress. False: the client is gone or too slow.
    Awaitable<bool> write(std::string_view bytes);

private:
    enum class Read : unsigned char { request, refused, ended };
    enum class Phase : unsigned char { idle, header, body, answering, writing };

    Awaitable<> serve();
    Awaitable<Read> read_request();
    Awaitable<bool> answer();
    Awaitable<bool> refuse(const Problem& problem);
    Awaitable<> linger();
    void render(Exchange& exchange);
    bool try_write(std::string_view bytes);
    bool take_room();
    void give_room();
    void enter(Phase phase, Clock::duration limit);
    void enter_body();
    void keep_pace(std::size_t bytes);
    void make_space(std::size_t announced);
    void log_answer(const Exchange& exchange, Clock::time_point since);

    Worker& worker_;
    Socket socket_;
    const Source source_;
    const bool is_internal_;

    Request request_;
    std::optional<RequestParser> parser_;
    std::optional<Problem> refusal_;
    std::optional<BodyPace> pace_; ///< of the body that is coming in
    /// Bytes as they came from the socket; not zeroed, unlike a vector's: a big body goes through many times.
    struct Input {
        explicit Input(std::size_t bytes)
            : data(std::make_unique_for_overwrite<char[]>(bytes)), size(bytes) {}
        std::unique_ptr<char[]> data;
        std::size_t size;
    } input_;
    std::size_t input_begin_ = 0, input_end_ = 0;
    std::optional<Exchange> exchange_; ///< of the request that is being answered
    std::string output_;
    std::string_view output_rest_; ///< what try_write() could not write
    std::size_t room_ = 0;         ///< bytes of the worker's room for bodies
    std::uint64_t room_group_ = 0; ///< whose they are

    Phase phase_ = Phase::idle;
    Clock::time_point deadline_ = Clock::time_point::max();
    bool has_timed_out_ = false, is_closing_ = false;
};

} // namespace soup::gateway
