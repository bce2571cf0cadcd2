// From a read request to its answer: plan it, find the token, ask PostgreSQL, translate.
#pragma once

#include "thin_gateway/async.hpp"
#include "thin_gateway/request.hpp"
#include "thin_gateway/response.hpp"

#include <optional>

namespace soup::gateway {

class Worker;
class HttpConnection;

/// One request and what became of it.
struct Exchange {
    Worker& worker;
    HttpConnection& connection;
    const Request& request;
    bool is_internal; ///< came by the internal listener
    std::string_view source;
    std::string request_id;

    bool keep_alive = true;
    bool must_close = false; ///< a stream was cut: the client must not take it for whole
    std::string_view route = "none";
    unsigned status = 0;
    std::string_view code = {};
    std::size_t bytes_out = 0;

    ResponseFrame frame() const;
};

/// The answer; or nothing, when it was streamed to the connection already.
Awaitable<std::optional<Response>> dispatch(Exchange& exchange);

} // namespace soup::gateway
