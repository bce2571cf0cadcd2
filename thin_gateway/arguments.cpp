// See arguments.hpp.
#include "thin_gateway/arguments.hpp"

#include "core/error.hpp"
#include "core/json/door.hpp"
#include "core/json/time.hpp"
#include "thin_gateway/pg_array.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <simdjson.h>
#include <sodium/utils.h>

namespace soup::gateway {
namespace {

using json::Kind;

/// A value on its way in: its JSON kind, its compact JSON, and the text if it is a string.
struct Value {
    Kind kind;
    std::string_view json;
    std::string_view text;
};

[[noreturn]] void refuse(const Argument& arg, std::string_view must) {
    throw bad_input("argument \"" + arg.name + "\" must be " + std::string(must));
}

std::int64_t integer(const Argument& arg, std::string_view text, std::int64_t low, std::int64_t high) {
    std::int64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || rest != end || value < low || value > high)
        refuse(arg, "an integer between " + std::to_string(low) + " and " + std::to_string(high));
    return value;
}

/// Overflow is refused, underflow is zero.
float float4(const Argument& arg, std::string_view text) {
    float value = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc::result_out_of_range) {
        double wide = 0;
        if (std::from_chars(text.data(), end, wide).ec != std::errc{} || std::abs(wide) > 1)
            refuse(arg, "within the range of real");
        return 0;
    }
    if (error != std::errc{} || rest != end) refuse(arg, "a number");
    return value;
}

double float8(const Argument& arg, std::string_view text) {
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || rest != end) refuse(arg, "within the range of double precision");
    return value;
}

bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text[i] != '-' : !std::isxdigit(static_cast<unsigned char>(text[i]))) return false;
    }
    return true;
}

std::string decode_base64(const Argument& arg, std::string_view text) {
    std::string bytes(text.size() / 4 * 3 + 3, '\0');
    std::size_t size = 0;
    if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                          text.size(), nullptr, &size, nullptr, sodium_base64_VARIANT_ORIGINAL) != 0)
        refuse(arg, "base64");
    bytes.resize(size);
    return bytes;
}

/// The value in the type's binary form, or as text where the server's input function is the better judge.
Parameter scalar(const Argument& arg, Scalar type, const Value& value) {
    const auto want = [&](Kind kind, std::string_view must) {
        if (value.kind != kind) refuse(arg, must);
    };
    Parameter out{{}, true};
    switch (type) {
    case Scalar::boolean:
        want(Kind::boolean, "true or false");
        out.bytes.push_back(value.json == "true");
        break;
    case Scalar::int2:
        want(Kind::number, "an integer");
        wire::append(out.bytes, static_cast<std::int16_t>(integer(arg, value.json, INT16_MIN, INT16_MAX)));
        break;
    case Scalar::int4:
        want(Kind::number, "an integer");
        wire::append(out.bytes, static_cast<std::int32_t>(integer(arg, value.json, INT32_MIN, INT32_MAX)));
        break;
    case Scalar::int8:
        want(Kind::number, "an integer");
        wire::append(out.bytes, integer(arg, value.json, INT64_MIN, INT64_MAX));
        break;
    case Scalar::float4:
        want(Kind::number, "a number");
        wire::append(out.bytes, std::bit_cast<std::int32_t>(float4(arg, value.json)));
        break;
    case Scalar::float8:
        want(Kind::number, "a number");
        wire::append(out.bytes, std::bit_cast<std::int64_t>(float8(arg, value.json)));
        break;
    case Scalar::text:
        want(Kind::string, "a string");
        out.bytes = value.text;
        break;
    case Scalar::uuid:
        want(Kind::string, "a UUID");
        if (!is_uuid(value.text)) refuse(arg, "a UUID");
        return {std::string(value.text), false};
    case Scalar::timestamptz: {
        want(Kind::string, "an RFC 3339 time");
        const auto time_us = json::parse_time(value.text);
        if (!time_us) refuse(arg, "an RFC 3339 time");
        wire::append(out.bytes, *time_us - wire::epoch_2000_us);
        break;
    }
    case Scalar::json:
        out.bytes = value.json;
        break;
    case Scalar::jsonb:
        return {std::string(value.json), false};
    case Scalar::bytea:
        want(Kind::string, "base64");
        out.bytes = decode_base64(arg, value.text);
        break;
    }
    return out;
}

Kind kind_of(std::string_view json) {
    switch (json.empty() ? ' ' : json.front()) {
    case 'n':
        return Kind::null;
    case 't':
    case 'f':
        return Kind::boolean;
    case '"':
        return Kind::string;
    case '[':
        return Kind::array;
    case '{':
        return Kind::object;
    default:
        return Kind::number;
    }
}

// Vectors are the arrays that matter: compact text of nothing but numbers, read in one pass.
Parameter number_array(const Argument& arg, std::string_view text) {
    text = text.substr(1, text.size() - 2);
    std::string elements;
    std::size_t count = 0;
    while (!text.empty()) {
        const auto item = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), item.size() + 1));
        if (kind_of(item) != Kind::number) refuse(arg, "an array of numbers");
        pg_array::add_float4(elements, float4(arg, item));
        ++count;
    }
    Parameter out{{}, true};
    pg_array::begin(out.bytes, oid::float4, count);
    out.bytes += elements;
    return out;
}

Parameter array(const Argument& arg, const Value& value) {
    if (value.kind != Kind::array) refuse(arg, "an array");
    if (arg.type.scalar == Scalar::float4) return number_array(arg, value.json);
    thread_local simdjson::dom::parser parser;
    std::string elements;
    std::size_t count = 0;
    for (const simdjson::dom::element element : parser.parse(value.json).get_array()) {
        const std::string text = simdjson::minify(element);
        Value item{kind_of(text), text, {}};
        if (item.kind == Kind::string) item.text = std::string_view(element);
        if (item.kind == Kind::null) refuse(arg, "an array without nulls");
        Parameter encoded = scalar(arg, arg.type.scalar, item);
        if (!encoded.is_binary) refuse(arg, "an array of a simpler type");
        pg_array::add(elements, encoded.bytes);
        ++count;
    }
    Parameter out{{}, true};
    pg_array::begin(out.bytes, oid_of(arg.type.scalar), count);
    out.bytes += elements;
    return out;
}

Parameter convert(const Argument& arg, const Value& value) {
    return arg.type.is_array ? array(arg, value) : scalar(arg, arg.type.scalar, value);
}

std::size_t known(const Function& function, std::string_view name) {
    std::size_t index = 0;
    if (!function.find_argument(name, &index))
        throw bad_input("function \"" + function.name + "\" has no argument \"" + std::string(name) + "\"");
    return index;
}

Arguments none_given(const Function& function) {
    Arguments arguments;
    arguments.values.resize(function.args.size());
    return arguments;
}

} // namespace

Arguments arguments_from_json(const Function& function, std::string_view body) {
    Arguments arguments = none_given(function);
    for (const auto& member : json::parse_object(body).members) {
        const std::size_t index = known(function, member.key);
        if (member.kind == Kind::null) continue;
        arguments.set(index, convert(function.args[index], {member.kind, member.json, member.text}));
    }
    return arguments;
}

Arguments arguments_from_query(const Function& function, const Query& query) {
    Arguments arguments = none_given(function);
    for (const auto& [name, text] : query) {
        const std::size_t index = known(function, name);
        const Argument& arg = function.args[index];
        const bool is_string = !arg.type.is_array &&
                               (arg.type.scalar == Scalar::text || arg.type.scalar == Scalar::uuid ||
                                arg.type.scalar == Scalar::timestamptz || arg.type.scalar == Scalar::bytea);
        if (is_string) {
            arguments.set(index, convert(arg, {Kind::string, {}, text}));
            continue;
        }
        std::string compact;
        try {
            compact = json::compact(text);
        } catch (const Error& e) {
            throw bad_input("argument \"" + name + "\": " + e.message());
        }
        // "1 " or "\t1" is accepted in a JSON body, but a number in a URL is written as it is.
        const Kind kind = kind_of(compact);
        if (kind == Kind::number && compact != text) refuse(arg, "a number without blanks");
        if (kind != Kind::null) arguments.set(index, convert(arg, {kind, compact, {}}));
    }
    return arguments;
}

void check_idempotency_key(std::string_view key) {
    constexpr std::size_t key_bytes_max = 200;
    if (key.empty() || key.size() > key_bytes_max ||
        std::any_of(key.begin(), key.end(), [](unsigned char c) { return c < 0x20 || c > 0x7e; }))
        throw bad_input("Idempotency-Key must have 1 to 200 printable ASCII characters");
}

void set_idempotency_key(const Function& function, Arguments& arguments, std::string_view key) {
    check_idempotency_key(key);
    std::size_t index = 0;
    if (!function.find_argument("idempotency_key", &index))
        throw bad_input("function \"" + function.name + "\" takes no Idempotency-Key");
    if (arguments.has(index)) throw bad_input("Idempotency-Key is given both as header and as argument");
    arguments.set(index, {std::string(key), true});
}

void check_required(const Function& function, const Arguments& arguments) {
    for (std::size_t i = 0; i < function.args.size(); ++i)
        if (!function.args[i].is_optional && !arguments.has(i))
            throw bad_input("argument \"" + function.args[i].name + "\" is missing");
}

} // namespace soup::gateway
