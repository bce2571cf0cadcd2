// From bytes to a Request: Beast's incremental parser, with what it tolerates refused.
//
// Beast reads the grammar strictly (line ends, spaces before the colon, control characters). Refused on top
// of it, because two readers of such a message may disagree: obsolete line folding, Transfer-Encoding
// other than exactly "chunked", any repeated framing or identity header, chunk extensions, trailers,
// Transfer-Encoding from HTTP/1.0. Limits are enforced before anything is stored.
#pragma once

#include "thin_gateway/config.hpp"
#include "thin_gateway/errors.hpp"
#include "thin_gateway/request.hpp"

#include <utility>

#include <boost/beast/http/basic_parser.hpp>
#include <optional>

namespace soup::gateway {

namespace http = boost::beast::http;

class RequestParser final : public http::basic_parser<true> {
public:
    RequestParser(Request& request, const RequestLimits& limits);

    /// Takes bytes from the front of `input` and returns how many it used. Afterwards either is_done(), or
    /// more bytes are needed. Throws Problem when the request is refused; the connection is then closed.
    std::size_t feed(std::string_view input);

    bool has_header() const { return is_header_done(); }
    /// Bytes of the body announced by Content-Length, 0 when chunked or none.
    std::size_t body_bytes_announced() const { return announced_; }

private:
    using error_code = boost::system::error_code;
    using string_view = boost::beast::string_view;

    void on_request_impl(http::verb, string_view method, string_view target, int version,
                         error_code&) override;
    void on_response_impl(int, string_view, int, error_code&) override {}
    void on_field_impl(http::field, string_view name, string_view value, error_code&) override;
    void on_header_impl(error_code&) override;
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(string_view body, error_code&) override;
    void on_chunk_header_impl(std::uint64_t size, string_view extensions, error_code&) override;
    std::size_t on_chunk_body_impl(std::uint64_t remain, string_view body, error_code&) override;
    void on_finish_impl(error_code&) override {}

    void refuse(error_code& ec, std::string_view code, std::string detail);
    void check_header(std::string_view input);
    [[noreturn]] void throw_malformed(const error_code& ec);
    void append_body(string_view body, error_code& ec);
    void reserve_body(std::size_t bytes);

    Request& request_;
    const RequestLimits& limits_;
    std::optional<Problem> refused_;
    std::size_t body_bytes_max_ = 0;
    std::size_t announced_ = 0;
    std::size_t fields_ = 0;
    std::size_t scanned_ = 0; ///< of the input that the next feed starts with
    std::size_t header_bytes_ = 0, request_line_bytes_ = 0;
    bool has_request_line_ = false, has_read_header_ = false;
    unsigned seen_ = 0; ///< one bit for each header that may come once
};

} // namespace soup::gateway
