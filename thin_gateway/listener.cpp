// See listener.hpp.
#include "thin_gateway/listener.hpp"

#include "thin_gateway/log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <stdexcept>
#include <system_error>

namespace soup::gateway {

Listener::Listener(Worker& home, std::vector<std::unique_ptr<Worker>>& workers, const Address& address,
                   bool is_internal, bool may_leave_loopback)
    : acceptor_(home.executor()), pause_(home.executor()), workers_(workers), is_internal_(is_internal) {
    error_code ec;
    const auto where = address.host + ":" + std::to_string(address.port);
    const auto check = [&](const char* what) {
        if (ec)
            throw std::system_error(ec.value(), std::generic_category(),
                                    "could not " + std::string(what) + " " + where);
    };
    const auto ip = asio::ip::make_address(address.host, ec);
    check("read the address");
    if (!ip.is_loopback() && !may_leave_loopback)
        throw std::runtime_error(
            "will not serve " + where +
            ": other machines reach this address, and tokens and passphrases would cross "
            "the network unencrypted. Listen on 127.0.0.1 behind a proxy that speaks TLS, "
            "or say --plain-beyond-loopback if the network between them is trusted");
    const tcp::endpoint endpoint(ip, address.port);
    acceptor_.open(endpoint.protocol(), ec);
    check("open a socket for");
    acceptor_.set_option(Acceptor::reuse_address(true), ec);
    acceptor_.bind(endpoint, ec);
    check("bind to");
    acceptor_.listen(asio::socket_base::max_listen_connections, ec);
    check("listen on");
}

void Listener::start() {
    asio::co_spawn(acceptor_.get_executor(), run(), asio::detached);
}

void Listener::stop() {
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
}

std::uint16_t Listener::port() const {
    return acceptor_.local_endpoint().port();
}

Awaitable<> Listener::run() {
    while (acceptor_.is_open()) {
        Worker& worker = *workers_[next_++ % workers_.size()];
        Socket socket(worker.executor());
        error_code ec;
        co_await acceptor_.async_accept(socket, asio::redirect_error(use_awaitable, ec));
        if (!ec) {
            asio::post(worker.context(),
                       [&worker, is_internal = is_internal_, client = std::move(socket)]() mutable {
                           worker.accept(std::move(client), is_internal);
                       });
        } else if (acceptor_.is_open()) {
            // Out of file descriptors, most likely: clients that leave will make room.
            log::warning("accept failed", ec.message());
            pause_.expires_after(std::chrono::milliseconds(100));
            co_await pause_.async_wait(asio::redirect_error(use_awaitable, ec));
        }
    }
}

} // namespace soup::gateway
