// See response.hpp.
#include "thin_gateway/response.hpp"

#include <array>
#include <charconv>

namespace soup::gateway {
namespace {

std::string_view reason_phrase(unsigned status) {
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 406:
        return "Not Acceptable";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 410:
        return "Gone";
    case 413:
        return "Payload Too Large";
    case 414:
        return "URI Too Long";
    case 415:
        return "Unsupported Media Type";
    case 417:
        return "Expectation Failed";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Status";
    }
}

void append_number(std::string& out, std::size_t value) {
    std::array<char, 20> digits;
    out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append("\r\n").append(name).append(": ").append(value);
}

/// Nothing here may be kept by a cache, guessed at by a browser, or shown in a frame.
void append_head(std::string& out, unsigned status, std::string_view content_type,
                 const ResponseFrame& frame) {
    out += "HTTP/1.1 ";
    append_number(out, status);
    out += ' ';
    out += reason_phrase(status);
    out += "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
           "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'";
    append_field(out, "Date", frame.date);
    append_field(out, "X-Request-Id", frame.request_id);
    append_field(out, "Content-Type", content_type);
    if (!frame.keep_alive)
        append_field(out, "Connection", "close");
    else if (frame.is_http_1_0)
        append_field(out, "Connection", "keep-alive");
}

} // namespace

Response problem_response(const Problem& problem, std::string_view request_id) {
    Response response;
    response.status = problem.rule->status;
    response.code = problem.rule->code;
    response.content_type = "application/problem+json";
    response.retry_after_s = problem.rule->retry_after_s;
    response.allow = problem.allow;
    write_problem(response.body, problem, request_id);
    return response;
}

void write_response(std::string& out, const Response& response, const ResponseFrame& frame) {
    append_head(out, response.status, response.content_type, frame);
    if (response.status == 401)
        append_field(out, "WWW-Authenticate",
                     "Bearer realm=\"soup\", Basic realm=\"soup\", charset=\"UTF-8\"");
    if (!response.allow.empty()) append_field(out, "Allow", response.allow);
    if (response.retry_after_s) {
        out += "\r\nRetry-After: ";
        append_number(out, response.retry_after_s);
    }
    out += "\r\nContent-Length: ";
    append_number(out, response.body.size());
    out += "\r\n\r\n";
    out += response.body;
}

void write_stream_head(std::string& out, const ResponseFrame& frame) {
    append_head(out, 200, "application/x-ndjson", frame);
    if (!frame.is_http_1_0) append_field(out, "Transfer-Encoding", "chunked");
    out += "\r\n\r\n";
}

} // namespace soup::gateway
