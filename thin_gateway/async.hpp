// Asio as the whole gateway uses it: one executor type, coroutines, and a signal for waiting.
//
// Every coroutine runs on the io_context of one worker thread, so nothing here takes a lock. The
// executor is the concrete type of io_context: the type-erased one costs an allocation an operation.
// <utility> comes first because Asio 1.74 forgets it under C++20.
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <memory>

namespace soup::gateway {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

using Executor = asio::io_context::executor_type;
template<class T = void>
using Awaitable = asio::awaitable<T, Executor>;
inline constexpr asio::use_awaitable_t<Executor> use_awaitable;

using Socket = asio::basic_stream_socket<tcp, Executor>;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

/// One coroutine waits, one event wakes it, once. The coroutine goes on inside notify(): whoever
/// notifies has put its own state in order first.
class Signal {
public:
    void notify() {
        is_set_ = true;
        if (auto waiter = std::move(waiter_)) waiter->resume();
    }

    bool is_set() const { return is_set_; }

    /// To be awaited at once, and only while not is_set().
    auto wait() {
        return asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(
            [this](auto handler) {
                waiter_ = std::make_unique<Waiter<decltype(handler)>>(std::move(handler));
            },
            use_awaitable);
    }

private:
    struct Waiting {
        virtual ~Waiting() = default;
        virtual void resume() = 0;
    };
    template<class Handler>
    struct Waiter final : Waiting {
        explicit Waiter(Handler&& h) : handler(std::move(h)) {}
        void resume() override { std::move(handler)(); }
        Handler handler;
    };

    bool is_set_ = false;
    std::unique_ptr<Waiting> waiter_;
};

} // namespace soup::gateway
