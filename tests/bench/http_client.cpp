// Blocking sockets: a bench measures the time until the answer is there, and nothing else happens meanwhile.
#include "tests/bench/http_client.hpp"

#include <arpa/inet.h>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace bench {

namespace {

[[noreturn]] void die(const std::string& message) {
    std::fprintf(stderr, "%s\n", message.c_str());
    std::exit(1);
}

} // namespace

HttpClient::HttpClient(int port, std::string token)
    : socket_(::socket(AF_INET, SOCK_STREAM, 0)), token_(std::move(token)), buffer_(65536, '\0') {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        die("cannot connect to the gateway");
}

HttpClient::~HttpClient() {
    ::close(socket_);
}

std::string HttpClient::post(std::string_view target, std::string_view content_type,
                             std::string_view body) const {
    std::string request("POST ");
    request.append(target).append(" HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer ").append(token_);
    request.append("\r\nContent-Type: ").append(content_type).append("\r\nContent-Length: ");
    request.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
    return request;
}

int HttpClient::exchange(std::string_view request) {
    while (!request.empty()) {
        const ssize_t sent = ::send(socket_, request.data(), request.size(), MSG_NOSIGNAL);
        if (sent <= 0) die("the gateway takes no more");
        request.remove_prefix(static_cast<std::size_t>(sent));
    }
    std::size_t have = 0, wanted = 0, head = 0;
    while (wanted == 0 || have < wanted) {
        if (wanted > buffer_.size()) buffer_.resize(wanted);
        const ssize_t count = ::recv(socket_, buffer_.data() + have, buffer_.size() - have, 0);
        if (count <= 0) die("the gateway closed the connection, or its answer's head is too long");
        have += static_cast<std::size_t>(count);
        const std::string_view text(buffer_.data(), have);
        const auto end = text.find("\r\n\r\n");
        const auto length = text.find("Content-Length: ");
        if (wanted == 0 && end != std::string_view::npos) {
            if (length > end) die("an answer without a length");
            head = end + 4;
            wanted = head + std::strtoul(buffer_.c_str() + length + 16, nullptr, 10);
        }
    }
    body_ = std::string_view(buffer_.data() + head, wanted - head);
    return std::stoi(buffer_.substr(std::string_view("HTTP/1.1 ").size(), 3));
}

void HttpClient::must(std::string_view request) {
    const int status = exchange(request);
    if (status != 200) die("status " + std::to_string(status) + ": " + std::string(body_));
}

} // namespace bench
