// See pg_link.hpp.
#include "thin_gateway/pg_link.hpp"

#include <array>
#include <sys/socket.h>

namespace soup::gateway {
namespace {

/// The session options that the connection string brings along, to be kept in front of ours.
std::string options_of(const std::string& conninfo) {
    std::string options;
    if (PQconninfoOption* const parsed = PQconninfoParse(conninfo.c_str(), nullptr)) {
        for (const PQconninfoOption* option = parsed; option->keyword; ++option)
            if (std::string_view(option->keyword) == "options" && option->val) options = option->val;
        PQconninfoFree(parsed);
    }
    return options;
}

/// A local socket takes what the kernel allows at once: a big append goes in whole, where it would otherwise
/// be handed over piece by piece, with a switch to the backend for each. TCP sizes its buffers by itself.
void widen_local_socket(int socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
        address.ss_family != AF_UNIX)
        return;
    const int bytes = 1 << 20; // the kernel cuts it to net.core.wmem_max
    setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

void ignore_notice(void*, const PGresult*) {}

} // namespace

void PgLink::watch_socket() {
    // The socket may change from one attempt (host, SSL or plain) to the next.
    const int socket = PQsocket(conn_.get());
    if (descriptor_.is_open() && descriptor_.native_handle() == socket) return;
    if (descriptor_.is_open()) descriptor_.release();
    if (socket >= 0) descriptor_.assign(socket);
}

Awaitable<bool> PgLink::connect(const PgTarget& target) {
    close();
    const std::string options = options_of(target.conninfo) + " " + target.session_options;
    const std::array keywords{"dbname", "options", "client_encoding", "application_name",
                              static_cast<const char*>(nullptr)};
    const std::array values{target.conninfo.c_str(), options.c_str(), "UTF8", target.application_name.c_str(),
                            static_cast<const char*>(nullptr)};
    conn_.reset(PQconnectStartParams(keywords.data(), values.data(), 1));
    if (!conn_) co_return false;
    PQsetNoticeReceiver(conn_.get(), ignore_notice, nullptr);
    auto step = PGRES_POLLING_WRITING;
    if (PQstatus(conn_.get()) == CONNECTION_BAD) step = PGRES_POLLING_FAILED;
    while (step != PGRES_POLLING_OK && step != PGRES_POLLING_FAILED) {
        watch_socket();
        bool is_ready = false;
        if (step == PGRES_POLLING_READING)
            is_ready = co_await wait_readable();
        else
            is_ready = co_await wait_writable();
        if (!is_ready) {
            last_error_ = "the attempt to connect was given up";
            close();
            co_return false;
        }
        // An attempt on the next address may close this socket and open another one with the same number.
        descriptor_.release();
        step = PQconnectPoll(conn_.get());
    }
    if (step == PGRES_POLLING_FAILED || PQsetnonblocking(conn_.get(), 1) != 0) {
        last_error_ = PQerrorMessage(conn_.get());
        close();
        co_return false;
    }
    watch_socket();
    widen_local_socket(PQsocket(conn_.get()));
    co_return true;
}

Awaitable<bool> PgLink::wait(asio::posix::descriptor_base::wait_type what) {
    if (!descriptor_.is_open()) co_return false;
    error_code ec;
    co_await descriptor_.async_wait(what, asio::redirect_error(use_awaitable, ec));
    co_return !ec;
}

void PgLink::interrupt() {
    error_code ignored;
    if (descriptor_.is_open()) descriptor_.cancel(ignored);
}

void PgLink::close() {
    if (descriptor_.is_open()) descriptor_.release();
    conn_.reset();
}

} // namespace soup::gateway
