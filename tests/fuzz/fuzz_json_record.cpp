// JSON at the door and in the processors. What the door lets through, simdjson's DOM parser takes too, and
// its compact text is a fixed point; a sensor record that parses is one that the door lets through or has
// skipped parts.
#include "core/error.hpp"
#include "core/json/door.hpp"
#include "core/json/sensor_record.hpp"
#include "core/json/time.hpp"

#include <simdjson.h>

#include <array>
#include <cstdlib>

using namespace soup::json;

namespace {

void require(bool is_true) {
    if (!is_true) std::abort();
}

bool is_fixed_point(std::string_view compacted) {
    try {
        return compact(compacted) == compacted;
    } catch (const soup::Error&) {
        return false;
    }
}

void try_compact(std::string_view text) {
    std::string compacted;
    try {
        compacted = compact(text);
    } catch (const soup::Error&) {
        return;
    }
    simdjson::dom::parser parser;
    require(parser.parse(simdjson::padded_string(text)).error() == simdjson::SUCCESS);
    require(is_fixed_point(compacted));
}

void try_records(std::string_view text) {
    try {
        const Records records = records_from_ndjson(text);
        for (std::size_t i = 0; i < records.size(); ++i)
            require(is_fixed_point(records[i]));
    } catch (const soup::Error&) { // refused
    }
    try {
        const Object object = parse_object(text, "r");
        for (const Member& member : object.members)
            require(is_fixed_point(member.json));
        for (std::size_t i = 0; i < object.records.size(); ++i)
            require(is_fixed_point(object.records[i]));
    } catch (const soup::Error&) { // refused
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try_compact(text);
    try_records(text);
    static const Channels channels({"a", "value"}, "t");
    std::array<double, 2> values{};
    std::optional<std::int64_t> time;
    try {
        parse_sensor_record(std::as_bytes(std::span(data, size)), channels, values, time);
        if (time) require(*time >= time_us_min && *time <= time_us_max);
    } catch (const soup::Error&) { // refused
    }
    if (const auto parsed = parse_time(text)) {
        std::string written;
        append_time(written, *parsed);
        const auto again = parse_time(written);
        require(!again || *again == *parsed); // an offset may lead out of the years that can be read
    }
    return 0;
}
