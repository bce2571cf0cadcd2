// Sensor records through simdjson's on-demand parser: fields are taken in one pass, in whatever order they
// come.
#include "core/json/sensor_record.hpp"

#include "core/error.hpp"
#include "core/json/byte_order_mark.hpp"
#include "core/json/time.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

namespace soup::json {
namespace {

namespace od = simdjson::ondemand;

constexpr std::size_t record_bytes_max = std::size_t{1} << 20;

struct RecordWorkshop {
    od::parser parser;
    std::vector<char> padded = std::vector<char>(4096);
    std::vector<char> is_seen;
};

Error wrong_record(std::string why) {
    return bad_input("sensor record: " + std::move(why));
}

Error not_json(simdjson::error_code error) {
    if (error == simdjson::MEMALLOC) throw std::bad_alloc();
    return wrong_record("is not valid JSON");
}

void check_record(simdjson::error_code error) {
    if (error != simdjson::SUCCESS) throw not_json(error);
}

double take_number(od::value value, const std::string& channel) {
    double number = 0;
    if (value.get_double().get(number) != simdjson::SUCCESS)
        throw wrong_record("channel \"" + channel + "\" is not a number in range");
    return number;
}

std::int64_t take_time(od::value value, const std::string& field) {
    od::json_type type{};
    check_record(value.type().get(type));
    std::optional<std::int64_t> time;
    if (type == od::json_type::string) {
        std::string_view text;
        check_record(value.get_string().get(text));
        time = parse_time(text);
    } else if (type == od::json_type::number) {
        double seconds = 0;
        if (value.get_double().get(seconds) == simdjson::SUCCESS) time = time_from_seconds(seconds);
    }
    if (!time)
        throw wrong_record("time field \"" + field + "\" is neither an RFC 3339 time nor seconds since 1970");
    return *time;
}

/// Producers write their fields in one order, so the search begins where the last field was found.
std::size_t find_channel(const Channels& channels, std::string_view key, std::size_t expected) {
    const auto& names = channels.names();
    if (expected < names.size() && names[expected] == key) return expected;
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), key) - names.begin());
}

void take_object(od::document& document, const Channels& channels, std::span<double> out,
                 std::optional<std::int64_t>& time_us, std::vector<char>& is_seen) {
    od::object object;
    check_record(document.get_object().get(object));
    is_seen.assign(channels.size(), 0);
    std::size_t expected = 0, count = 0;
    for (auto item : object) {
        od::field field;
        check_record(std::move(item).get(field));
        std::string_view key;
        check_record(field.unescaped_key().get(key));
        const std::size_t channel = find_channel(channels, key, expected);
        if (channel < channels.size()) {
            if (is_seen[channel] != 0)
                throw wrong_record("channel \"" + channels.names()[channel] + "\" is there twice");
            is_seen[channel] = 1;
            out[channel] = take_number(field.value(), channels.names()[channel]);
            expected = channel + 1;
            ++count;
        } else if (!channels.time_field().empty() && key == channels.time_field()) {
            if (time_us) throw wrong_record("time field \"" + channels.time_field() + "\" is there twice");
            time_us = take_time(field.value(), channels.time_field());
        }
    }
    if (count == channels.size()) return;
    const auto missing =
        static_cast<std::size_t>(std::find(is_seen.begin(), is_seen.end(), 0) - is_seen.begin());
    throw wrong_record("channel \"" + channels.names()[missing] + "\" is missing");
}

void take_array(od::document& document, const Channels& channels, std::span<double> out) {
    od::array array;
    check_record(document.get_array().get(array));
    std::size_t count = 0;
    for (auto item : array) {
        od::value value;
        check_record(std::move(item).get(value));
        if (count < channels.size()) out[count] = take_number(value, channels.names()[count]);
        ++count;
    }
    if (count != channels.size())
        throw wrong_record("has " + std::to_string(count) + " values for " + std::to_string(channels.size()) +
                           " channels");
}

} // namespace

void parse_sensor_record(std::span<const std::byte> bytes, const Channels& channels, std::span<double> out,
                         std::optional<std::int64_t>& time_us) {
    thread_local RecordWorkshop workshop;
    if (out.size() != channels.size()) throw Error("XX000", "", "room for values differs from the channels");
    if (bytes.size() > record_bytes_max) throw wrong_record("is longer than 1 MiB");
    if (has_byte_order_mark({reinterpret_cast<const char*>(bytes.data()), bytes.size()}))
        throw wrong_record("starts with a byte order mark");
    auto& padded = workshop.padded;
    if (padded.size() < bytes.size() + simdjson::SIMDJSON_PADDING)
        padded.resize(bytes.size() * 2 + simdjson::SIMDJSON_PADDING);
    if (!bytes.empty()) std::memcpy(padded.data(), bytes.data(), bytes.size());

    time_us.reset();
    od::document document;
    check_record(workshop.parser.iterate(padded.data(), bytes.size(), padded.size()).get(document));
    od::json_type type{};
    check_record(document.type().get(type));
    if (type == od::json_type::object)
        take_object(document, channels, out, time_us, workshop.is_seen);
    else if (type == od::json_type::array)
        take_array(document, channels, out);
    else
        throw wrong_record("is neither an object nor an array");
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
        throw wrong_record("has something behind it");
}

} // namespace soup::json
