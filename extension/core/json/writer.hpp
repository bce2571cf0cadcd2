// Writes JSON by appending to a std::string: shortest floats that read back exactly, minimal escaping.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace soup::json {

void append_string(std::string& out, std::string_view utf8); ///< quoted and escaped; the text is UTF-8
void append_number(std::string& out, double value);          ///< null when not finite
void append_number(std::string& out, float value);           ///< shortest for a float, null when not finite
void append_number(std::string& out, std::int64_t value);
inline void append_boolean(std::string& out, bool value) {
    out += value ? "true" : "false";
}
void append_numbers(std::string& out, std::span<const float> values);   ///< an array
void append_numbers(std::string& out, std::span<const double> values);  ///< an array
void append_base64(std::string& out, std::span<const std::byte> bytes); ///< a string
void append_time_string(std::string& out, std::int64_t time_us);        ///< a string, RFC 3339 UTC

/// Objects and arrays with their commas:
///   Writer w(out); w.begin_object(); w.key("model"); w.string("pump"); w.end_object();
class Writer {
public:
    explicit Writer(std::string& out) : out_(out) {}

    void begin_object() { open('{'); }
    void end_object() { close('}'); }
    void begin_array() { open('['); }
    void end_array() { close(']'); }
    void key(std::string_view name) {
        comma();
        append_string(out_, name);
        out_ += ':';
        needs_comma_ = false;
    }
    void string(std::string_view utf8) {
        value([&] { append_string(out_, utf8); });
    }
    void number(double v) {
        value([&] { append_number(out_, v); });
    }
    void number(float v) {
        value([&] { append_number(out_, v); });
    }
    template<std::integral Integer>
    void number(Integer v) {
        value([&] { append_number(out_, static_cast<std::int64_t>(v)); });
    }
    void boolean(bool v) {
        value([&] { append_boolean(out_, v); });
    }
    void null() {
        value([&] { out_ += "null"; });
    }
    void raw(std::string_view json) {
        value([&] { out_ += json; });
    } ///< text that is JSON already
    void time(std::int64_t time_us) {
        value([&] { append_time_string(out_, time_us); });
    }

private:
    template<class Append>
    void value(Append append) {
        comma();
        append();
        needs_comma_ = true;
    }
    void comma() {
        if (needs_comma_) out_ += ',';
    }
    void open(char bracket) {
        comma();
        out_ += bracket;
        needs_comma_ = false;
    }
    void close(char bracket) {
        out_ += bracket;
        needs_comma_ = true;
    }
    std::string& out_;
    bool needs_comma_ = false;
};

} // namespace soup::json
