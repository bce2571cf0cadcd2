// Sensor records, times, and the writer.
#include "core/error.hpp"
#include "core/json/sensor_record.hpp"
#include "core/json/time.hpp"
#include "core/json/writer.hpp"

#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <random>

namespace soup::json {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

struct Parsed {
    std::vector<double> values;
    std::optional<std::int64_t> time_us;
    std::string refusal;
};

Parsed parse(std::string_view json, const Channels& channels) {
    Parsed parsed{std::vector<double>(channels.size(), -1), 99, ""};
    try {
        parse_sensor_record(std::as_bytes(std::span(json)), channels, parsed.values, parsed.time_us);
    } catch (const Error& error) {
        EXPECT_STREQ(error.reason(), "BAD_INPUT");
        parsed.refusal = error.message();
    }
    return parsed;
}

const Channels two({"temp", "flow rate"}, "at");

TEST(SensorRecord, ObjectsInAnyOrderWithTime) {
    const Parsed parsed =
        parse(R"({"flow rate": -2.5e1, "at": "2013-12-02 21:15:00", "note": {"x": [1]}, "temp": 20})", two);
    EXPECT_EQ(parsed.refusal, "");
    EXPECT_EQ(parsed.values, (std::vector<double>{20, -25}));
    EXPECT_EQ(parsed.time_us, 1386018900000000);
    EXPECT_EQ(parse(R"({"\u0074emp":1,"flow rate":2})", two).values, (std::vector<double>{1, 2}));
    EXPECT_EQ(parse(R"({"temp":1,"flow rate":2})", two).time_us, std::nullopt);
    EXPECT_EQ(parse(R"({"temp":1,"flow rate":2,"at":1386018900.25})", two).time_us, 1386018900250000);
}

TEST(SensorRecord, ArraysInChannelOrder) {
    const Parsed parsed = parse(" [ 1.5 , -2 ] ", two);
    EXPECT_EQ(parsed.refusal, "");
    EXPECT_EQ(parsed.values, (std::vector<double>{1.5, -2}));
    EXPECT_EQ(parsed.time_us, std::nullopt);
}

TEST(SensorRecord, BadRecordsNameTheirReason) {
    const std::pair<std::string_view, const char*> cases[] = {
        {"", "sensor record: is not valid JSON"},
        {"7", "sensor record: is neither an object nor an array"},
        {"\"x\"", "sensor record: is neither an object nor an array"},
        {"[1]", "sensor record: has 1 values for 2 channels"},
        {"[1,2,3]", "sensor record: has 3 values for 2 channels"},
        {"[1,\"2\"]", "sensor record: channel \"flow rate\" is not a number in range"},
        {"[1,null]", "sensor record: channel \"flow rate\" is not a number in range"},
        {"[1,NaN]", "sensor record: channel \"flow rate\" is not a number in range"},
        {"[1,1e400]", "sensor record: channel \"flow rate\" is not a number in range"},
        {"[1,[2]]", "sensor record: channel \"flow rate\" is not a number in range"},
        {"[1,2", "sensor record: is not valid JSON"},
        {"[1,2] 3", "sensor record: is not valid JSON"},
        {"[1,2][3]", "sensor record: has something behind it"},
        {R"({"temp":1})", "sensor record: channel \"flow rate\" is missing"},
        {R"({})", "sensor record: channel \"temp\" is missing"},
        {R"({"temp":1,"flow rate":null})", "sensor record: channel \"flow rate\" is not a number in range"},
        {R"({"temp":true,"flow rate":1})", "sensor record: channel \"temp\" is not a number in range"},
        {R"({"temp":1,"temp":1,"flow rate":2})", "sensor record: channel \"temp\" is there twice"},
        {R"({"temp":1,"flow rate":2,"at":null})",
         "sensor record: time field \"at\" is neither an RFC 3339 time nor seconds since 1970"},
        {R"({"temp":1,"flow rate":2,"at":"yesterday"})",
         "sensor record: time field \"at\" is neither an RFC 3339 time nor seconds since 1970"},
        {R"({"temp":1,"flow rate":2,"at":1e300})",
         "sensor record: time field \"at\" is neither an RFC 3339 time nor seconds since 1970"},
        {R"({"at":1,"temp":1,"flow rate":2,"at":1})", "sensor record: time field \"at\" is there twice"},
        {R"({"temp":1,"flow rate":2}{})", "sensor record: has something behind it"},
        {"{\"temp\":1,\"flow rate\":2,\"x\":\"\xff\"}", "sensor record: is not valid JSON"},
        {"\0"sv, "sensor record: is not valid JSON"},
        {"\xef\xbb\xbf[1,2]", "sensor record: starts with a byte order mark"},
    };
    for (const auto& [json, reason] : cases)
        EXPECT_EQ(parse(json, two).refusal, reason) << json;
    EXPECT_EQ(parse("[" + std::string(1 << 20, ' ') + "1,2]", two).refusal,
              "sensor record: is longer than 1 MiB");
    EXPECT_EQ(parse("[1,2]", two).refusal, "") << "the parser is usable after every refusal";
}

TEST(SensorRecord, WithoutTimeFieldItIsAnOrdinaryField) {
    const Channels plain({"v"}, "");
    EXPECT_EQ(parse(R"({"":1,"at":"x","v":3})", plain).values, std::vector<double>{3});
}

TEST(Time, Rfc3339AndItsPlainForm) {
    const std::pair<const char*, std::int64_t> cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2013-12-02T21:15:00Z", 1386018900000000},
        {"2013-12-02 21:15:00", 1386018900000000},
        {"2013-12-02t21:15:00z", 1386018900000000},
        {"2013-12-02T22:15:00+01:00", 1386018900000000},
        {"2013-12-02T15:45:00-05:30", 1386018900000000},
        {"2013-12-02T21:15:00.5Z", 1386018900500000},
        {"2013-12-02T21:15:00.123456789", 1386018900123456},
        {"1969-12-31T23:59:59.999999Z", -1},
        {"2016-12-31T23:59:60Z", 1483228800000000},
        {"2000-02-29T00:00:00Z", 951782400000000},
        {"0001-01-01T00:00:00Z", -62135596800000000},
        {"9999-12-31T23:59:59.999999Z", 253402300799999999},
    };
    for (const auto& [text, expected] : cases)
        EXPECT_EQ(parse_time(text), expected) << text;
    for (const auto text : {"",
                            "2013-12-02",
                            "2013-12-02T21:15",
                            "2013-12-02T21:15:0",
                            "2013-13-02T21:15:00Z",
                            "2013-02-29T00:00:00Z",
                            "2013-12-32T00:00:00Z",
                            "2013-00-01T00:00:00Z",
                            "0000-01-01T00:00:00Z",
                            "2013-12-02T24:00:00Z",
                            "2013-12-02T21:60:00Z",
                            "2013-12-02T21:15:61Z",
                            "2013-12-02T21:15:00.Z",
                            "2013-12-02T21:15:00+1:00",
                            "2013-12-02T21:15:00+0100",
                            "2013-12-02T21:15:00+24:00",
                            "2013-12-02T21:15:00Zx",
                            "2013-12-02T21:15:00 Z",
                            "+2013-12-02T21:15:00Z",
                            "13-12-02T21:15:00Z",
                            " 2013-12-02T21:15:00Z",
                            "2013/12/02 21:15:00"})
        EXPECT_FALSE(parse_time(text)) << text;
}

TEST(Time, WrittenTimesReadBack) {
    const std::pair<std::int64_t, const char*> cases[] = {{0, "1970-01-01T00:00:00Z"},
                                                          {-1, "1969-12-31T23:59:59.999999Z"},
                                                          {1386018900250000, "2013-12-02T21:15:00.250000Z"},
                                                          {253402300800000000, "10000-01-01T00:00:00Z"}};
    for (const auto& [time, expected] : cases) {
        std::string text;
        append_time(text, time);
        EXPECT_EQ(text, expected);
    }
    std::mt19937_64 random(7);
    for (int i = 0; i < 10'000; ++i) {
        const auto time = static_cast<std::int64_t>(random() % 315537897600000000) - 62135596800000000;
        std::string text;
        append_time(text, time);
        ASSERT_EQ(parse_time(text), time) << text;
    }
}

TEST(Time, SecondsAreRoundedAndBounded) {
    EXPECT_EQ(time_from_seconds(1.0000004), 1000000);
    EXPECT_EQ(time_from_seconds(-0.5), -500000);
    EXPECT_FALSE(time_from_seconds(std::numeric_limits<double>::infinity()));
    EXPECT_FALSE(time_from_seconds(std::numeric_limits<double>::quiet_NaN()));
    EXPECT_FALSE(time_from_seconds(1e13));
    EXPECT_FALSE(time_from_seconds(-1e13));
}

TEST(JsonWriter, StringsAreEscapedMinimally) {
    std::string out;
    append_string(out, "a\"b\\c\n\t\r\b\f\x01\x1f/grün 😀"sv);
    EXPECT_EQ(out, "\"a\\\"b\\\\c\\n\\t\\r\\b\\f\\u0001\\u001f/grün 😀\"");
}

TEST(JsonWriter, NumbersAreShortestAndExact) {
    const auto text = [](auto value) {
        std::string out;
        append_number(out, value);
        return out;
    };
    EXPECT_EQ(text(0.1), "0.1");
    EXPECT_EQ(text(0.1F), "0.1");
    EXPECT_EQ(text(1e300), "1e+300");
    EXPECT_EQ(text(-0.0), "-0");
    EXPECT_EQ(text(3.0), "3");
    EXPECT_EQ(text(std::int64_t{INT64_MIN}), "-9223372036854775808");
    EXPECT_EQ(text(std::nan("")), "null");
    EXPECT_EQ(text(-HUGE_VAL), "null");
    std::mt19937_64 random(11);
    for (int i = 0; i < 10'000; ++i) {
        const auto value = std::bit_cast<double>(random());
        if (!std::isfinite(value)) continue;
        const std::string written = text(value);
        double back = 0;
        std::from_chars(written.data(), written.data() + written.size(), back);
        ASSERT_EQ(back, value) << written;
    }
}

TEST(JsonWriter, ObjectsAndArraysGetTheirCommas) {
    std::string out;
    Writer writer(out);
    writer.begin_object();
    writer.key("a");
    writer.begin_array();
    writer.number(1);
    writer.null();
    writer.begin_object();
    writer.end_object();
    writer.string("x");
    writer.end_array();
    writer.key("b");
    writer.boolean(true);
    writer.key("c");
    writer.raw("[1]");
    writer.key("t");
    writer.time(0);
    writer.key("d");
    writer.number(2.5F);
    writer.end_object();
    EXPECT_EQ(out, R"({"a":[1,null,{},"x"],"b":true,"c":[1],"t":"1970-01-01T00:00:00Z","d":2.5})");
    std::string more;
    const float values[] = {1, 0.5F};
    append_numbers(more, values);
    append_base64(more, std::as_bytes(std::span("fo"sv)));
    append_base64(more, {});
    EXPECT_EQ(more, "[1,0.5]\"Zm8=\"\"\"");
}

} // namespace
} // namespace soup::json
