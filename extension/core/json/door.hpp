// JSON as it may come in: checked completely once, and re-written without white space.
//
// Refused: depth above the limit, duplicate keys, numbers outside double or 64-bit integer range, invalid
// UTF-8, \u0000, lone surrogates, anything after the value. What passes is safe for PostgreSQL's json and
// jsonb. Number and string tokens are kept as they were written: an id of 19 digits is never rounded. Parsers
// and buffers are kept per thread.
#pragma once

#include "core/json/limits.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace soup::json {

enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

/// The compact text of one value. Throws BAD_INPUT saying why and at which byte, or TOO_BIG.
std::string compact(std::string_view json, const Limits& limits = {});

/// Compact texts of many values, joined: record i is text[ends[i-1], ends[i]).
struct Records {
    std::string text;
    std::vector<std::size_t> ends;

    std::size_t size() const noexcept { return ends.size(); }
    std::string_view operator[](std::size_t index) const noexcept {
        const std::size_t begin = index == 0 ? 0 : ends[index - 1];
        return std::string_view(text).substr(begin, ends[index] - begin);
    }
};

/// One record a line; every line, the last one included, ends with a line feed (a cut body must not pass).
/// Errors name the line: "line 5000: …". No empty lines. A carriage return before the line feed is white
/// space.
Records records_from_ndjson(std::string_view body, const Limits& limits = {});

/// The elements of a JSON array; errors name the element: "records[7]: …".
Records records_from_array(std::string_view json, const Limits& limits = {});

/// One member of an object.
struct Member {
    std::string key; ///< unescaped
    Kind kind;
    std::string json; ///< compact
    std::string text; ///< unescaped, of a string
};

/// An object with all values checked, in the order written; the array named `split` comes back as Records and
/// is not a member.
struct Object {
    std::vector<Member> members;
    Records records;
    bool has_records = false;

    const Member* find(std::string_view key) const noexcept;
};
Object parse_object(std::string_view json, std::string_view split = {}, const Limits& limits = {});

} // namespace soup::json
