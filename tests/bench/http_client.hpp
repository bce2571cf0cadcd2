// An HTTP/1.1 client for benches: one connection to the gateway, one request at a time, answers with a
// length.
#pragma once

#include <string>
#include <string_view>

namespace bench {

class HttpClient {
public:
    /// To 127.0.0.1:port; every request carries the token.
    HttpClient(int port, std::string token);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// The bytes of a POST, to be sent as often as wanted.
    std::string post(std::string_view target, std::string_view content_type, std::string_view body) const;

    /// Sends a request and returns the answer's status; its body is in body() until the next call.
    int exchange(std::string_view request);
    std::string_view body() const { return body_; }

    /// exchange() for requests that must succeed: any other status ends the bench.
    void must(std::string_view request);

private:
    int socket_;
    std::string token_, buffer_;
    std::string_view body_;
};

} // namespace bench
