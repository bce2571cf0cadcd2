// See url.hpp.
#include "thin_gateway/url.hpp"

#include "core/error.hpp"

#include <algorithm>
#include <simdjson.h>

namespace soup::gateway {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+') {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
            const int low = high < 0 ? -1 : hex_digit(text[i + 2]);
            if (low < 0) throw bad_input("malformed escape in the query string");
            out += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    if (out.find('\0') != std::string::npos || !simdjson::validate_utf8(out))
        throw bad_input("the query string is not valid UTF-8 text");
    return out;
}

} // namespace

std::string_view path_of(std::string_view target) {
    return target.substr(0, target.find('?'));
}

Query query_of(std::string_view target) {
    constexpr std::size_t names_max = 100;
    Query query;
    const auto mark = target.find('?');
    if (mark == std::string_view::npos) return query;
    auto rest = target.substr(mark + 1);
    while (!rest.empty()) {
        const auto pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
        if (pair.empty()) continue;
        const auto equals = pair.find('=');
        auto name = decode(pair.substr(0, equals));
        auto value = equals == std::string_view::npos ? std::string() : decode(pair.substr(equals + 1));
        if (query.size() == names_max) throw bad_input("too many names in the query string");
        for (const auto& known : query)
            if (known.first == name) throw bad_input("argument \"" + name + "\" is given twice");
        query.emplace_back(std::move(name), std::move(value));
    }
    return query;
}

} // namespace soup::gateway
