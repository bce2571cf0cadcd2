// An answer, and how it is written: one buffer, one system call for small ones.
#pragma once

#include "thin_gateway/errors.hpp"
#include "thin_gateway/request.hpp"

#include <string>
#include <string_view>

namespace soup::gateway {

struct Response {
    unsigned status = 200;
    std::string_view content_type = "application/json";
    std::string body;
    std::string_view code; ///< of a problem, for the log
    std::string_view allow;
    unsigned retry_after_s = 0;
    bool closes = false;
};

Response problem_response(const Problem& problem, std::string_view request_id);

/// What every answer carries beside its own fields.
struct ResponseFrame {
    std::string_view request_id;
    std::string_view date;
    bool is_http_1_0;
    bool keep_alive;
};

/// Appends status line, headers and body.
void write_response(std::string& out, const Response& response, const ResponseFrame& frame);

/// Appends status line and headers of a chunked NDJSON stream (for HTTP/1.0: one that ends by closing).
void write_stream_head(std::string& out, const ResponseFrame& frame);

} // namespace soup::gateway
