// Accepts clients on one address and hands each to a worker, in turn.
#pragma once

#include "thin_gateway/worker.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>

namespace soup::gateway {

class Listener {
public:
    /// Binds and listens; throws std::runtime_error with the address in its text, also when other machines
    /// reach the address and that is not allowed.
    Listener(Worker& home, std::vector<std::unique_ptr<Worker>>& workers, const Address& address,
             bool is_internal, bool may_leave_loopback);

    void start();
    /// No new clients; the address is free again.
    void stop();
    std::uint16_t port() const;

private:
    Awaitable<> run();

    using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;
    Acceptor acceptor_;
    Timer pause_;
    std::vector<std::unique_ptr<Worker>>& workers_;
    bool is_internal_;
    std::size_t next_ = 0;
};

} // namespace soup::gateway
