// Structured logs: one JSON object a line, through spdlog.
//
// Lines of requests are buffered and written at least once a second; warnings and errors at once. No token,
// passphrase, body or customer's word is ever logged: a request's line has its route's name, not its URL.
#pragma once

#include "thin_gateway/config.hpp"

#include <string_view>

namespace soup::gateway::log {

struct RequestLine {
    std::string_view request_id, route, method, code, source;
    unsigned status;
    double ms;
    std::size_t bytes_in, bytes_out;
};

void open(const Config& config);
void close();
void request(const RequestLine& line);
void event(std::string_view event, std::string_view detail = {});
void warning(std::string_view event, std::string_view detail = {}, std::string_view request_id = {});

} // namespace soup::gateway::log
