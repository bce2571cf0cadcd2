// One non-blocking connection to PostgreSQL on an Asio descriptor: opening it, waiting on it, closing it.
//
// libpq owns the socket; Asio only watches it and lets go before libpq closes it. What is said over the
// connection belongs to PgPipeline and PgStream.
#pragma once

#include "thin_gateway/async.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <libpq-fe.h>
#include <memory>
#include <string>
#include <vector>

namespace soup::gateway {

/// How the gateway connects: libpq's connection string and the session's settings.
struct PgTarget {
    std::string conninfo;
    std::string application_name;
    /// "-c name=value …", after those that the connection string itself has.
    std::string session_options;
};

class PgLink {
public:
    explicit PgLink(const Executor& executor) : descriptor_(executor) {}
    ~PgLink() { close(); }
    PgLink(const PgLink&) = delete;
    PgLink& operator=(const PgLink&) = delete;

    /// False when it failed; last_error() then says why. interrupt() ends the wait.
    Awaitable<bool> connect(const PgTarget& target);
    Awaitable<bool> wait_readable() { return wait(asio::posix::descriptor_base::wait_read); }
    Awaitable<bool> wait_writable() { return wait(asio::posix::descriptor_base::wait_write); }

    /// Ends all waits with false. The connection is then to be closed.
    void interrupt();
    void close();

    PGconn* raw() { return conn_.get(); }
    bool is_open() const { return conn_ && PQstatus(conn_.get()) == CONNECTION_OK; }
    const std::string& last_error() const { return last_error_; }

private:
    struct Finish {
        void operator()(PGconn* conn) const { PQfinish(conn); }
    };
    using Descriptor = asio::posix::basic_stream_descriptor<Executor>;

    Awaitable<bool> wait(asio::posix::descriptor_base::wait_type what);
    void watch_socket();

    std::unique_ptr<PGconn, Finish> conn_;
    Descriptor descriptor_;
    std::string last_error_;
};

} // namespace soup::gateway
