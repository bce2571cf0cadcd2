// One HTTP request as the rest of the gateway sees it: only the headers that mean something here.
//
// A connection owns one Request and reuses its strings, so a steady stream of requests allocates nothing.
#pragma once

#include <string>

namespace soup::gateway {

enum class Method : unsigned char { get, post, other };

struct Request {
    Method method = Method::other;
    bool is_http_1_0 = false;
    bool keep_alive = true;
    bool expects_continue = false;
    std::string method_name;
    std::string target;
    std::string host;
    std::string authorization;
    std::string content_type; ///< lower case, without parameters
    std::string accept;
    std::string origin;
    std::string idempotency_key;
    bool has_idempotency_key = false;
    std::string body;

    void clear() {
        method = Method::other;
        is_http_1_0 = expects_continue = has_idempotency_key = false;
        keep_alive = true;
        for (std::string* text : {&method_name, &target, &host, &authorization, &content_type, &accept,
                                  &origin, &idempotency_key, &body})
            text->clear();
        // A body of megabytes is not kept for the next request's hundred bytes.
        constexpr std::size_t kept_bytes_max = 256 << 10;
        if (body.capacity() > kept_bytes_max) std::string().swap(body);
    }
};

} // namespace soup::gateway
