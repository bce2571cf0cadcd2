// Columns bodies and packed rows: every buffer is checked before it is used (threat e14), and rows read back
// exactly.
#include "core/error.hpp"
#include "core/frame/columns.hpp"
#include "core/json/time.hpp"
#include "core/little_endian.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>

namespace soup::frame {
namespace {

using Body = std::vector<std::byte>;

std::string body_refusal(std::span<const std::byte> body, const Limits& limits = {}) {
    try {
        (void)to_records(body, limits);
        return "";
    } catch (const Error& error) {
        return error.sqlstate();
    }
}

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Three rows of every type.
Body sample() {
    ColumnsWriter writer;
    const std::int64_t times[] = {1, 2, 3};
    const float f4[] = {1.5F, -2.25F, std::numeric_limits<float>::quiet_NaN()};
    const double f8[] = {0.1, -1e300, 5};
    const std::int16_t i2[] = {-32768, 0, 32767};
    const std::int32_t i4[] = {-2147483647 - 1, 0, 2147483647};
    const std::int64_t i8[] = {INT64_MIN, 0, INT64_MAX};
    const std::string_view bytes[] = {{"\0\xff", 2}, "", "xyz"};
    const std::string_view text[] = {"grün", "", "ok"};
    writer.add_f4("f4", f4);
    writer.add_time("at", times);
    writer.add_f8("f8", f8);
    writer.add_i2("i2", i2);
    writer.add_i4("i4", i4);
    writer.add_i8("i8", i8);
    writer.add_boolean("flag", {true, false, true});
    writer.add_bytes("raw", bytes);
    writer.add_text("name, with:marks", text);
    return writer.finish();
}

TEST(FrameColumns, EveryTypeReadsBackExactly) {
    const Body body = sample();
    const ColumnRecords made = to_records(body);
    EXPECT_EQ(made.content_type,
              "application/vnd.soup.row;fields=f4:f4,f8:f8,i2:i2,i4:i4,i8:i8,flag:bool,raw:bytes,"
              "name%2C%20with%3Amarks:text");
    ASSERT_EQ(made.records.size(), 3U);
    RowReader reader(made.content_type);
    ASSERT_EQ(reader.fields().size(), 8U);
    EXPECT_EQ(reader.fields()[7].name, "name, with:marks");

    reader.read(made.records[0].bytes);
    EXPECT_EQ(made.records[0].time_us, 1);
    EXPECT_EQ(reader.number(0), 1.5);
    EXPECT_EQ(reader.number(1), 0.1);
    EXPECT_EQ(reader.integer(2), -32768);
    EXPECT_EQ(reader.integer(3), -2147483648LL);
    EXPECT_EQ(reader.integer(4), INT64_MIN);
    EXPECT_EQ(reader.integer(5), 1);
    EXPECT_EQ(text_of(reader.bytes(6)), std::string_view("\0\xff", 2));
    EXPECT_EQ(reader.text(7), "grün");

    reader.read(made.records[2].bytes);
    EXPECT_TRUE(std::isnan(reader.number(0)));
    EXPECT_EQ(reader.integer(4), INT64_MAX);
    EXPECT_EQ(reader.number(5), 1.0);
    EXPECT_EQ(reader.text(7), "ok");
    EXPECT_EQ(reader.find("i8"), 4U);
    EXPECT_FALSE(reader.find("at"));
    EXPECT_TRUE(reader.is_number(5));
    EXPECT_FALSE(reader.is_number(6));
}

TEST(FrameColumns, ABytesColumnAloneGivesOpaqueRecordsWithoutCopy) {
    ColumnsWriter writer;
    const std::string_view values[] = {"first", "", "third"};
    const std::int64_t times[] = {10, 20, 30};
    writer.add_bytes("record", values);
    writer.add_time("t", times);
    const Body body = writer.finish();
    const ColumnRecords made = to_records(body);
    EXPECT_EQ(made.content_type, "application/octet-stream");
    EXPECT_TRUE(made.storage.empty());
    ASSERT_EQ(made.records.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(text_of(made.records[i].bytes), values[i]);
        EXPECT_EQ(made.records[i].time_us, times[i]);
    }
    EXPECT_GE(made.records[0].bytes.data(), body.data());
    EXPECT_LT(made.records[0].bytes.data(), body.data() + body.size());
}

TEST(FrameColumns, RecordsOfColumnsTravelThroughAFrame) {
    const Body body = sample();
    const ColumnRecords made = to_records(body);
    const auto bytes = encode(made.records);
    const Frame frame = decode(bytes);
    RowReader reader(made.content_type);
    reader.read(frame[1].bytes);
    EXPECT_EQ(reader.number(1), -1e300);
    EXPECT_EQ(frame[1].time_us, 2);
}

TEST(FrameColumns, EveryTruncationAndExtensionIsRefused) {
    Body body = sample();
    ASSERT_EQ(body_refusal(body), "");
    for (std::size_t length = 0; length < body.size(); ++length)
        ASSERT_EQ(body_refusal(std::span(body).first(length)), "22023") << "length " << length;
    body.push_back(std::byte{0});
    EXPECT_EQ(body_refusal(body), "22023");
}

/// One column of the given type byte and buffer, `rows` rows.
Body hand_made(int type, std::string_view name, std::uint32_t rows, std::string_view buffer) {
    Body body(12);
    std::memcpy(body.data(), "SCOL\1\0\1\0", 8);
    store_le(&body[8], rows);
    body.push_back(static_cast<std::byte>(type));
    body.push_back(static_cast<std::byte>(name.size()));
    for (const char c : name)
        body.push_back(static_cast<std::byte>(c));
    body.resize((body.size() + 7) / 8 * 8);
    for (const char c : buffer)
        body.push_back(static_cast<std::byte>(c));
    return body;
}

TEST(FrameColumns, e14_columns_lie) {
    struct Case {
        const char* what;
        Body body;
        const char* sqlstate;
    };
    using namespace std::string_view_literals;
    std::string huge_times(8, '\0');
    store_le(huge_times.data(), json::time_us_max + 1);
    std::string good_times(8, '\0');
    store_le(good_times.data(), json::time_us_max);
    const auto with = [](Body body, std::size_t at, int byte) {
        body[at] = static_cast<std::byte>(byte);
        return body;
    };
    const Body one_i2 = hand_made(3, "v", 2, "\1\0\2\0"sv);
    const Case cases[] = {
        {"an honest one", one_i2, ""},
        {"wrong magic", with(one_i2, 0, 's'), "22023"},
        {"wrong version", with(one_i2, 4, 2), "22023"},
        {"reserved byte", with(one_i2, 5, 1), "22023"},
        {"no columns", with(one_i2, 6, 0), "22023"},
        {"more columns than there are", with(one_i2, 6, 2), "22023"},
        {"1,025 columns", with(with(one_i2, 6, 1), 7, 4), "22023"},
        {"no rows", with(one_i2, 8, 0), "22023"},
        {"more rows than there are", with(one_i2, 8, 3), "22023"},
        {"fewer rows than there are", with(one_i2, 8, 1), "22023"},
        {"four billion rows", with(with(one_i2, 10, 255), 11, 255), "54000"},
        {"type 0", with(one_i2, 12, 0), "22023"},
        {"type 10", with(one_i2, 12, 10), "22023"},
        {"type 255", with(one_i2, 12, 255), "22023"},
        {"no name", hand_made(3, "", 1, "\1\0"sv), "22023"},
        {"name of 128 bytes", hand_made(3, std::string(128, 'n'), 1, "\1\0"sv), ""},
        {"name of 129 bytes", hand_made(3, std::string(129, 'n'), 1, "\1\0"sv), "22023"},
        {"name that is not UTF-8", hand_made(3, "\xff", 1, "\1\0"sv), "22023"},
        {"name with NUL", hand_made(3, "a\0b"sv, 1, "\1\0"sv), "22023"},
        {"padding that is not zero", with(one_i2, 15, 1), "22023"},
        {"bool 2", hand_made(6, "b", 2, "\1\2"sv), "22023"},
        {"bool", hand_made(6, "b", 2, "\1\0"sv), ""},
        {"bytes longer than the body", hand_made(8, "b", 1, "\5\0\0\0abcd"sv), "22023"},
        {"bytes shorter than the body", hand_made(8, "b", 1, "\3\0\0\0abcd"sv), "22023"},
        {"length of 2^32-1", hand_made(8, "b", 1, "\xff\xff\xff\xff"sv), "22023"},
        {"lengths whose 32-bit sum wraps", hand_made(8, "b", 2, "\xff\xff\xff\xff\5\0\0\0abcd"sv), "22023"},
        {"cut lengths", hand_made(8, "b", 2, "\1\0\0\0"sv), "22023"},
        {"text", hand_made(9, "t", 2, "\2\0\0\0\1\0\0\0\xc3\xbcx"sv), ""},
        {"text that is not UTF-8", hand_made(9, "t", 1, "\2\0\0\0\xc3\x28"sv), "22023"},
        {"character split between two rows", hand_made(9, "t", 2, "\1\0\0\0\1\0\0\0\xc3\xbc"sv), "22023"},
        {"text with NUL", hand_made(9, "t", 1, "\2\0\0\0a\0"sv), "22023"},
        {"time alone", hand_made(7, "at", 1, good_times), "22023"},
    };
    for (const Case& c : cases)
        EXPECT_EQ(body_refusal(c.body), c.sqlstate) << c.what;
    EXPECT_NO_THROW((void)parse_columns(hand_made(7, "at", 1, good_times)));
    EXPECT_THROW((void)parse_columns(hand_made(7, "at", 1, huge_times)), Error);
}

TEST(FrameColumns, NamesAndTimesAreUnique) {
    const std::int64_t numbers[] = {1};
    ColumnsWriter twins;
    twins.add_i8("a", numbers);
    twins.add_i8("a", numbers);
    EXPECT_EQ(body_refusal(twins.finish()), "22023");
    ColumnsWriter two_times;
    two_times.add_i8("a", numbers);
    two_times.add_time("b", numbers);
    two_times.add_time("c", numbers);
    EXPECT_EQ(body_refusal(two_times.finish()), "22023");
}

TEST(FrameColumns, LimitsHold) {
    const Body body = sample();
    EXPECT_EQ(body_refusal(body, {.records_max = 3}), "");
    EXPECT_EQ(body_refusal(body, {.records_max = 2}), "54000");
    EXPECT_EQ(body_refusal(body, {.content_bytes_max = 50}), "54000");
}

TEST(FrameColumns, RowsAreAnnouncedInTheHeader) {
    const Body body = sample();
    EXPECT_EQ(announced_rows(body), 3u);
    EXPECT_EQ(announced_rows(std::span(body).first(12)), 3u);
    EXPECT_EQ(announced_rows(std::span(body).first(11)), std::nullopt);
    Body other = body;
    other[0] = std::byte{'s'};
    EXPECT_EQ(announced_rows(other), std::nullopt);
}

TEST(FrameColumns, TheWriterRefusesUnequalColumns) {
    const std::int64_t two[] = {1, 2};
    ColumnsWriter writer;
    EXPECT_THROW((void)writer.finish(), Error);
    writer.add_i8("a", two);
    EXPECT_NO_THROW((void)writer.finish());
    writer.add_i8("b", std::span(two).first(1));
    EXPECT_THROW((void)writer.finish(), Error);
}

TEST(FrameRow, ContentTypesHaveOneForm) {
    const RowField fields[] = {{"value", FieldType::f8}, {"temp °C", FieldType::f4}};
    const std::string text = make_row_content_type(fields);
    EXPECT_EQ(text, "application/vnd.soup.row;fields=value:f8,temp%20%C2%B0C:f4");
    EXPECT_EQ(RowReader(text).fields()[1].name, "temp °C");
    EXPECT_TRUE(is_row_content_type(text));
    EXPECT_TRUE(is_row_content_type(row_content_type));
    EXPECT_FALSE(is_row_content_type("application/vnd.soup.rows"));
    EXPECT_FALSE(is_row_content_type("application/json"));
    for (const char* wrong :
         {"", "application/json", "application/vnd.soup.row", "application/vnd.soup.row;",
          "application/vnd.soup.row;fields=", "application/vnd.soup.row;fields=a",
          "application/vnd.soup.row;fields=:f4", "application/vnd.soup.row;fields=a:f9",
          "application/vnd.soup.row;fields=a:time", "application/vnd.soup.row;fields=a:f4,",
          "application/vnd.soup.row;fields=a:f4,a:f8", "application/vnd.soup.row;fields=a b:f4",
          "application/vnd.soup.row;fields=%61:f4", "application/vnd.soup.row;fields=%2:f4",
          "application/vnd.soup.row;fields=%2c:f4", "application/vnd.soup.row;fields=%zz:f4",
          "application/vnd.soup.row; fields=a:f4"})
        EXPECT_THROW(RowReader{std::string_view(wrong)}, Error) << wrong;
}

TEST(FrameRow, RowsThatAreNotRowsAreRefused) {
    using namespace std::string_view_literals;
    const auto refuses = [](std::string_view type, std::string_view row) {
        RowReader reader(type);
        try {
            reader.read(std::as_bytes(std::span(row)));
            return std::string();
        } catch (const Error& error) {
            return std::string(error.sqlstate());
        }
    };
    const auto fixed = "application/vnd.soup.row;fields=a:i2,b:bool"sv;
    EXPECT_EQ(refuses(fixed, "\1\0\1"sv), "");
    EXPECT_EQ(refuses(fixed, ""sv), "22023");
    EXPECT_EQ(refuses(fixed, "\1\0"sv), "22023");
    EXPECT_EQ(refuses(fixed, "\1\0\1\0"sv), "22023");
    EXPECT_EQ(refuses(fixed, "\1\0\2"sv), "22023");
    const auto variable = "application/vnd.soup.row;fields=a:text,b:bytes"sv;
    EXPECT_EQ(refuses(variable, "\1\0\0\0x\0\0\0\0"sv), "");
    EXPECT_EQ(refuses(variable, "\1\0\0\0x\0\0\0"sv), "22023");
    EXPECT_EQ(refuses(variable, "\xff\xff\xff\xffx\0\0\0\0"sv), "22023");
    EXPECT_EQ(refuses(variable, "\1\0\0\0\xff\0\0\0\0"sv), "22023");
    EXPECT_EQ(refuses(variable, "\1\0\0\0\0\0\0\0\0"sv), "22023");
    EXPECT_EQ(refuses(variable, "\1\0\0\0x\1\0\0\0"sv), "22023");
    EXPECT_EQ(refuses(variable, "\1\0\0\0x\0\0\0\0!"sv), "22023");
}

} // namespace
} // namespace soup::frame
