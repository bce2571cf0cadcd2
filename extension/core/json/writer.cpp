// Numbers, strings and times of the JSON writer.
#include "core/json/writer.hpp"

#include "core/json/time.hpp"

#include <sodium.h>

#include <array>
#include <charconv>
#include <cmath>

namespace soup::json {
namespace {

template<class T>
void append_shortest(std::string& out, T value) {
    std::array<char, 32> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    out.append(text.data(), end);
}

template<class T>
void append_finite(std::string& out, T value) {
    if (std::isfinite(value))
        append_shortest(out, value);
    else
        out += "null";
}

template<class T>
void append_array(std::string& out, std::span<const T> values) {
    out += '[';
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (i != 0) out += ',';
        append_finite(out, values[i]);
    }
    out += ']';
}

void append_escaped(std::string& out, char c) {
    switch (c) {
    case '"':
        out += "\\\"";
        break;
    case '\\':
        out += "\\\\";
        break;
    case '\b':
        out += "\\b";
        break;
    case '\f':
        out += "\\f";
        break;
    case '\n':
        out += "\\n";
        break;
    case '\r':
        out += "\\r";
        break;
    case '\t':
        out += "\\t";
        break;
    default:
        static constexpr char digits[] = "0123456789abcdef";
        out += "\\u00";
        out += digits[static_cast<unsigned char>(c) >> 4];
        out += digits[static_cast<unsigned char>(c) & 15];
    }
}

} // namespace

void append_string(std::string& out, std::string_view utf8) {
    out += '"';
    std::size_t plain_begin = 0; // runs of plain characters are copied at once
    for (std::size_t i = 0; i < utf8.size(); ++i) {
        const char c = utf8[i];
        if (static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\') continue;
        out.append(utf8, plain_begin, i - plain_begin);
        append_escaped(out, c);
        plain_begin = i + 1;
    }
    out.append(utf8, plain_begin, utf8.size() - plain_begin);
    out += '"';
}

void append_number(std::string& out, double value) {
    append_finite(out, value);
}
void append_number(std::string& out, float value) {
    append_finite(out, value);
}
void append_number(std::string& out, std::int64_t value) {
    append_shortest(out, value);
}
void append_numbers(std::string& out, std::span<const float> values) {
    append_array(out, values);
}
void append_numbers(std::string& out, std::span<const double> values) {
    append_array(out, values);
}

void append_base64(std::string& out, std::span<const std::byte> bytes) {
    out += '"';
    const std::size_t begin = out.size();
    // libsodium writes a final NUL, which becomes the closing quote.
    out.resize(begin + sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL));
    sodium_bin2base64(out.data() + begin, out.size() - begin,
                      reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                      sodium_base64_VARIANT_ORIGINAL);
    out.back() = '"';
}

void append_time_string(std::string& out, std::int64_t time_us) {
    out += '"';
    append_time(out, time_us);
    out += '"';
}

} // namespace soup::json
