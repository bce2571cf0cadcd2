// See request_parser.hpp.
#include "thin_gateway/request_parser.hpp"

#include "thin_gateway/url.hpp"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <limits>

namespace soup::gateway {
namespace {

constexpr std::size_t fields_max = 100;
// simdjson reads a little past the end; room for it spares a copy of the body.
constexpr std::size_t body_padding_bytes = 64;
// Up to here a body gets its memory at once; a bigger one as its bytes come, however long it says it is.
constexpr std::size_t body_bytes_at_once = 64 << 10;

std::string_view view(boost::beast::string_view text) {
    return {text.data(), text.size()};
}

/// Media types are compared in lower case and without parameters; only charset=utf-8 may follow.
std::string media_type(std::string_view value, bool& is_utf8) {
    const auto semicolon = value.find(';');
    std::string type(value.substr(0, semicolon));
    while (!type.empty() && (type.back() == ' ' || type.back() == '\t'))
        type.pop_back();
    std::transform(type.begin(), type.end(), type.begin(), [](unsigned char c) { return std::tolower(c); });
    is_utf8 = true;
    if (semicolon != std::string_view::npos) {
        std::string rest(value.substr(semicolon + 1));
        std::erase_if(rest, [](char c) { return c == ' ' || c == '\t' || c == '"'; });
        is_utf8 = boost::beast::iequals(rest, "charset=utf-8") || rest.empty();
    }
    return type;
}

/// By path and content type: both are known before the body.
std::size_t body_bytes_max(const Request& request, const RequestLimits& limits) {
    const bool is_append = path_of(request.target) == append_path;
    const std::string_view type = request.content_type;
    if (type == "application/json") return is_append ? limits.json_bytes_max : limits.call_bytes_max;
    if (is_append && type == "application/x-ndjson") return limits.ndjson_bytes_max;
    if (is_append && (type == "application/octet-stream" || type == "application/vnd.soup.columns"))
        return limits.binary_bytes_max;
    // Will be refused by content type; no reason to hold megabytes for that.
    constexpr std::size_t refused_bytes_max = 64 << 10;
    return std::min(refused_bytes_max, limits.call_bytes_max);
}

} // namespace

RequestParser::RequestParser(Request& request, const RequestLimits& limits)
    : request_(request), limits_(limits) {
    request_.clear();
    header_limit(static_cast<std::uint32_t>(limits.header_bytes_max + limits.target_bytes_max));
    body_limit(std::numeric_limits<std::uint64_t>::max()); // counted here, by path and content type
    eager(true);
}

void RequestParser::refuse(error_code& ec, std::string_view code, std::string detail) {
    if (!refused_) refused_ = problem(code, std::move(detail));
    ec = http::error::bad_value;
}

// Looks at the raw header before Beast does: its size, and folded lines, which Beast joins and a proxy in
// front may not. Beast takes the request line, and each field once it sees the first character behind it, so
// the blank of a fold is here before its field is taken.
void RequestParser::check_header(std::string_view input) {
    const auto end = input.find("\r\n\r\n", scanned_ < 3 ? 0 : scanned_ - 3);
    const auto head = input.substr(0, end == std::string_view::npos ? input.size() : end + 2);
    if (!has_request_line_) request_line_bytes_ = std::min(head.find("\r\n"), head.size());
    if (request_line_bytes_ > limits_.target_bytes_max + 32) throw problem("HTTP_URI_TOO_LONG", {});
    if (header_bytes_ + head.size() - request_line_bytes_ > limits_.header_bytes_max)
        throw problem("HTTP_HEADER_TOO_BIG", {});
    const auto is_blank = [&](std::size_t at) {
        return at < head.size() && (head[at] == ' ' || head[at] == '\t');
    };
    bool is_folded = has_request_line_ && is_blank(0);
    for (auto at = head.find("\r\n", scanned_ < 2 ? 0 : scanned_ - 2); at != std::string_view::npos;
         at = head.find("\r\n", at + 2))
        is_folded |= is_blank(at + 2);
    if (is_folded) throw problem("HTTP_MALFORMED", "a header line must not be folded");
    scanned_ = input.size();
}

std::size_t RequestParser::feed(std::string_view input) {
    const bool is_header = !is_header_done();
    if (is_header) check_header(input);
    error_code ec;
    const std::size_t used = put({input.data(), input.size()}, ec);
    if (is_header && used > 0) {
        header_bytes_ += used;
        scanned_ -= used;
    }
    if (refused_) throw *refused_;
    if (ec && ec != http::error::need_more) throw_malformed(ec);
    return used;
}

void RequestParser::throw_malformed(const error_code& ec) {
    if (ec == http::error::header_limit) throw problem("HTTP_HEADER_TOO_BIG", {});
    if (ec == http::error::bad_version) throw problem("HTTP_VERSION", {});
    throw problem("HTTP_MALFORMED", ec.message());
}

void RequestParser::on_request_impl(http::verb verb, string_view method, string_view target, int version,
                                    error_code& ec) {
    if (version != 11 && version != 10) return refuse(ec, "HTTP_VERSION", {});
    if (target.size() > limits_.target_bytes_max) return refuse(ec, "HTTP_URI_TOO_LONG", {});
    has_request_line_ = true;
    request_.is_http_1_0 = version == 10;
    request_.method = verb == http::verb::get    ? Method::get
                      : verb == http::verb::post ? Method::post
                                                 : Method::other;
    request_.method_name = view(method);
    request_.target = view(target);
}

void RequestParser::on_field_impl(http::field name, string_view name_text, string_view value,
                                  error_code& ec) {
    if (has_read_header_) return refuse(ec, "HTTP_MALFORMED", "trailers are not accepted");
    if (++fields_ > fields_max) return refuse(ec, "HTTP_HEADER_TOO_BIG", "too many header lines");
    // Each of these may come once: two readers must not choose different ones.
    const auto once = [&](unsigned bit, std::string* text) {
        if (seen_ & (1u << bit))
            return refuse(ec, "HTTP_MALFORMED", "header " + std::string(view(name_text)) + " is given twice");
        seen_ |= 1u << bit;
        if (text) *text = view(value);
    };
    switch (name) {
    case http::field::host:
        return once(0, &request_.host);
    case http::field::authorization:
        return once(1, &request_.authorization);
    case http::field::accept:
        return once(2, &request_.accept);
    case http::field::origin:
        return once(3, &request_.origin);
    case http::field::content_type: {
        once(4, nullptr);
        bool is_utf8 = true;
        request_.content_type = media_type(view(value), is_utf8);
        if (!is_utf8 && !ec) refuse(ec, "HTTP_MEDIA_TYPE", "the only parameter accepted is charset=utf-8");
        return;
    }
    case http::field::content_length:
        if (value.find_first_not_of("0123456789") != string_view::npos)
            return refuse(ec, "HTTP_MALFORMED", "Content-Length must be one number");
        return once(5, nullptr);
    case http::field::transfer_encoding:
        if (request_.is_http_1_0 || !boost::beast::iequals(value, "chunked"))
            return refuse(ec, "HTTP_MALFORMED", "the only transfer encoding spoken is chunked");
        return once(6, nullptr);
    case http::field::content_encoding:
        if (!boost::beast::iequals(value, "identity"))
            return refuse(ec, "HTTP_MEDIA_TYPE", "content encodings are not accepted");
        return once(7, nullptr);
    case http::field::expect:
        if (!boost::beast::iequals(value, "100-continue")) return refuse(ec, "HTTP_EXPECT", {});
        request_.expects_continue = true;
        return once(8, nullptr);
    case http::field::unknown:
        if (boost::beast::iequals(name_text, "Idempotency-Key")) {
            request_.has_idempotency_key = true;
            return once(9, &request_.idempotency_key);
        }
        return;
    default:
        return;
    }
}

void RequestParser::on_header_impl(error_code& ec) {
    has_read_header_ = true;
    request_.keep_alive = keep_alive();
    constexpr unsigned host_bit = 1u << 0, length_bit = 1u << 5, transfer_bit = 1u << 6;
    if ((seen_ & length_bit) && (seen_ & transfer_bit))
        return refuse(ec, "HTTP_MALFORMED", "Content-Length and Transfer-Encoding exclude each other");
    if (!request_.is_http_1_0 && !(seen_ & host_bit))
        return refuse(ec, "HTTP_MALFORMED", "header Host is missing");
    body_bytes_max_ = body_bytes_max(request_, limits_);
    if (const auto length = content_length()) {
        if (*length > body_bytes_max_)
            return refuse(ec, "TOO_BIG", "the body may have " + std::to_string(body_bytes_max_) + " bytes");
        announced_ = *length;
        if (announced_) reserve_body(std::min(announced_, body_bytes_at_once));
    }
}

void RequestParser::reserve_body(std::size_t bytes) {
    request_.body.reserve(bytes + body_padding_bytes);
}

void RequestParser::append_body(string_view body, error_code& ec) {
    if (body.size() > body_bytes_max_ - request_.body.size())
        return refuse(ec, "TOO_BIG", "the body may have " + std::to_string(body_bytes_max_) + " bytes");
    // Doubles, as a string does by itself, up to the length announced and what simdjson wants behind it.
    const std::size_t bytes = request_.body.size() + body.size();
    if (announced_ && bytes + body_padding_bytes > request_.body.capacity())
        reserve_body(std::min(announced_, std::max(bytes, 2 * request_.body.capacity())));
    request_.body.append(body.data(), body.size());
}

std::size_t RequestParser::on_body_impl(string_view body, error_code& ec) {
    append_body(body, ec);
    return body.size();
}

void RequestParser::on_chunk_header_impl(std::uint64_t size, string_view extensions, error_code& ec) {
    if (!extensions.empty()) return refuse(ec, "HTTP_MALFORMED", "chunk extensions are not accepted");
    if (size > body_bytes_max_ - std::min(body_bytes_max_, request_.body.size()))
        refuse(ec, "TOO_BIG", "the body may have " + std::to_string(body_bytes_max_) + " bytes");
}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, string_view body, error_code& ec) {
    append_body(body, ec);
    return body.size();
}

} // namespace soup::gateway
