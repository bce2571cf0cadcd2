// JSON at the door: what passes is valid, bounded and written without white space; everything else names its
// place. Threats f05 (depth, keys), f06 (numbers), f07 (encoding), f12 (cut NDJSON).
#include "core/error.hpp"
#include "core/json/door.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

namespace soup::json {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

/// "SQLSTATE: message" of the refusal, or the compact text.
template<class Attempt>
std::string outcome(Attempt attempt) {
    try {
        return attempt();
    } catch (const Error& error) {
        return error.sqlstate() + ": "s + error.message();
    }
}
std::string compacted(std::string_view json, const Limits& limits = {}) {
    return outcome([&] { return compact(json, limits); });
}
bool is_refused(const std::string& outcome) {
    return outcome.starts_with("22023: ");
}

TEST(JsonDoor, TokensAreKeptAsWritten) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"1", "1"},
        {" 1.50 ", "1.50"},
        {"-0", "-0"},
        {"0.1e-7", "0.1e-7"},
        {"1E400", "22023: JSON text: number is malformed or out of range"},
        {"9007199254740993", "9007199254740993"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"18446744073709551615", "18446744073709551615"},
        {"3.14159265358979323846264338327950288", "3.14159265358979323846264338327950288"},
        {"\t{ \"a\" : [ 1 , 2.50 , { } , [ ] , null , true , false ] }\r\n",
         "{\"a\":[1,2.50,{},[],null,true,false]}"},
        {R"("\u00e9\n\"\ud83d\ude00")", R"("\u00e9\n\"\ud83d\ude00")"},
        {"\"grün 😀\"", "\"grün 😀\""},
        {R"({"\u0061\n":1})", R"({"a\n":1})"},
        {"\"\"", "\"\""},
        {"null", "null"},
        {"[[],[[]],{}]", "[[],[[]],{}]"},
        {"{\"\":{\"\":0}}", "{\"\":{\"\":0}}"},
    };
    for (const auto& [json, expected] : cases)
        EXPECT_EQ(compacted(json), expected) << json;
}

TEST(JsonDoor, MalformedTextIsRefused) {
    for (const std::string_view json : {""sv,           " "sv,         "nul"sv,
                                        "nullx"sv,      "truex"sv,     "True"sv,
                                        "'a'"sv,        "[1,]"sv,      "[,1]"sv,
                                        "[1 2]"sv,      "[1"sv,        "[[1,2]"sv,
                                        "]"sv,          "}"sv,         "[}"sv,
                                        "{]"sv,         "{\"a\"}"sv,   "{\"a\":}"sv,
                                        "{\"a\":1,}"sv, "{\"a\" 1}"sv, "{\"a\":1 \"b\":2}"sv,
                                        "{1:2}"sv,      "{a:1}"sv,     "{,}"sv,
                                        "[1]]"sv,       "{}{}"sv,      "1 2"sv,
                                        "[1] x"sv,      "\"a"sv,       "\"a\\\""sv,
                                        "\"\\x\""sv,    "\"\\u12\""sv, "\"a\tb\""sv,
                                        "\"a\nb\""sv,   "// c\n1"sv,   "[1,/**/2]"sv,
                                        "1\0"sv,        "\0"sv,        "[1]\0"sv,
                                        "{\"a\":[1}"sv})
        EXPECT_TRUE(is_refused(compacted(json))) << json;
}

TEST(JsonDoor, f05_json_deep) {
    EXPECT_EQ(compacted(std::string(32, '[') + std::string(32, ']')).size(), 64U);
    EXPECT_EQ(compacted(std::string(33, '[') + std::string(33, ']')), "22023: JSON text: nested too deeply");
    std::string objects = "1";
    for (int i = 0; i < 33; ++i)
        objects.insert(0, R"({"a":)").append("}");
    EXPECT_EQ(compacted(objects), "22023: JSON text: nested too deeply");
    EXPECT_TRUE(is_refused(compacted(std::string(100'000, '['))));
    EXPECT_TRUE(is_refused(compacted(std::string(100'000, '[') + std::string(100'000, ']'))));
    std::string keys = "{";
    for (int i = 0; i < 10'000; ++i)
        keys += "\"" + std::to_string(i) + "\":0,";
    EXPECT_FALSE(is_refused(compacted(keys.substr(0, keys.size() - 1) + "}")));
    EXPECT_EQ(compacted(keys + "\"x\":0}"), "22023: JSON text: too many keys in one object");
}

TEST(JsonDoor, f05_json_duplicate_keys) {
    EXPECT_EQ(compacted(R"({"a":1,"b":2,"a":3})"), "22023: JSON text: duplicate key");
    EXPECT_EQ(compacted(R"({"a":1,"\u0061":3})"), "22023: JSON text: duplicate key");
    EXPECT_EQ(compacted(R"([{"x":{"a":1,"a":1}}])"), "22023: JSON text: duplicate key");
    EXPECT_EQ(compacted(R"({"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]})"),
              R"({"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]})");
}

TEST(JsonDoor, f06_json_numbers) {
    for (const char* json : {"1e99999",
                             "1e999999",
                             "-1e400",
                             "1e-401",
                             "0e99999",
                             "0e-99999",
                             "1e+401",
                             "NaN",
                             "Infinity",
                             "-Infinity",
                             "+1",
                             "01",
                             "-01",
                             "1.",
                             ".5",
                             "1e",
                             "1e+",
                             "-",
                             "0x10",
                             "1_000",
                             "18446744073709551616",
                             "-9223372036854775809",
                             "1.5.2",
                             "1e5e5",
                             "--1"}) {
        EXPECT_TRUE(is_refused(compacted(json))) << json;
        EXPECT_TRUE(is_refused(compacted("[" + std::string(json) + "]"))) << json;
        EXPECT_TRUE(is_refused(compacted("{\"a\":" + std::string(json) + "}"))) << json;
    }
    for (const char* json :
         {"1e308", "1e-400", "0e400", "1.7976931348623157e308", "5e-324", "-0.0", "9223372036854775808"})
        EXPECT_EQ(compacted(json), json);
}

TEST(JsonDoor, f07_encoding) {
    const std::pair<std::string_view, const char*> cases[] = {
        {"\"\xff\"", "invalid UTF-8"},
        {"\"\xc3\"", "invalid UTF-8"},
        {"\"\xc0\x80\"", "invalid UTF-8"},
        {"\"\xed\xa0\x80\"", "invalid UTF-8"},
        {"\"\xf5\x80\x80\x80\"", "invalid UTF-8"},
        {"\"a\0b\""sv, "control character inside a string"},
        {"\"\\u0000\"", "\\u0000 is not allowed"},
        {"{\"\\u0000\":1}", "\\u0000 is not allowed"},
        {"\"\\ud800\"", "string is malformed"},
        {"\"\\udc00\"", "string is malformed"},
        {"\"\\ud800\\u0041\"", "string is malformed"},
        {"\"\\ud800\\ud800\"", "string is malformed"},
        {"{\"\\udfff\":1}", "string is malformed"},
    };
    for (const auto& [json, reason] : cases)
        EXPECT_EQ(compacted(json), "22023: JSON text: "s + reason) << json;
    EXPECT_EQ(compacted("\xef\xbb\xbf{}"), "22023: JSON text: starts with a byte order mark");
    EXPECT_TRUE(is_refused(compacted("{\0}\0"sv))) << "UTF-16";
}

TEST(JsonDoor, SizeIsLimited) {
    const Limits limits{.bytes_max = 10};
    EXPECT_EQ(compacted("[1,2,3,45]", limits), "[1,2,3,45]");
    EXPECT_TRUE(compacted("[1,2,3,456]", limits).starts_with("54000: "));
}

TEST(JsonDoor, LargeTextsAreForgotten) {
    // Twice, and a small one between: the thread's parser is thrown away after the large ones.
    std::string large = "[";
    for (int i = 0; i < 1'500'000; ++i)
        large += "123,";
    large += "1]";
    EXPECT_EQ(compacted(large), large);
    EXPECT_EQ(compacted("[1]"), "[1]");
    EXPECT_EQ(compacted(large), large);
}

std::string lines(std::string_view body, const Limits& limits = {}) {
    return outcome([&] {
        std::string joined;
        const Records records = records_from_ndjson(body, limits);
        for (std::size_t i = 0; i < records.size(); ++i)
            joined += std::string(records[i]) + ";";
        return joined;
    });
}

TEST(JsonDoor, NdjsonIsARecordALine) {
    EXPECT_EQ(lines("{\"a\": 1}\n[1, 2]\r\n\"x\"\n 7 \n"), "{\"a\":1};[1,2];\"x\";7;");
    EXPECT_EQ(lines("1\n"), "1;");
}

TEST(JsonDoor, f12_ndjson_cut) {
    const std::pair<std::string, const char*> cases[] = {
        {"", "22023: there is no record"},
        {"1\n23", "22023: line 2: does not end with a line feed"},
        {"{\"a\":1}", "22023: line 1: does not end with a line feed"},
        {"1\n\n2\n", "22023: line 2: is empty"},
        {"\n", "22023: line 1: is empty"},
        {"1\n \r\n", "22023: line 2: is empty"},
        {"1\n{\"a\":\n1}\n", "22023: line 2: array or object does not end where the text ends"},
        {"1\n2 3\n", "22023: line 2: not valid JSON"},
        {"1\n[1]2\n", "22023: line 2: array or object does not end where the text ends"},
        {"\"gr\xc3\"\n", "22023: line 1: invalid UTF-8"},
        {"\"gr\xc3\xbc\"\n\"gr\xc3", "22023: line 2: does not end with a line feed"},
    };
    for (const auto& [body, expected] : cases)
        EXPECT_EQ(lines(body), expected) << body;
    std::string many;
    for (int i = 1; i < 5000; ++i)
        many += "{\"n\":" + std::to_string(i) + "}\n";
    EXPECT_EQ(lines(many + "{\"n\":}\n" + many), "22023: line 5000: not valid JSON");
    EXPECT_TRUE(lines(many, {.records_max = 100}).starts_with("54000: "));
    EXPECT_TRUE(lines(many, {.bytes_max = 100}).starts_with("54000: "));
}

std::string elements(std::string_view json) {
    return outcome([&] {
        std::string joined;
        const Records records = records_from_array(json);
        for (std::size_t i = 0; i < records.size(); ++i)
            joined += std::string(records[i]) + ";";
        return joined;
    });
}

TEST(JsonDoor, ArraysGiveTheirElements) {
    EXPECT_EQ(elements(" [ {\"a\": 1} , [ ] , null ] "), "{\"a\":1};[];null;");
    EXPECT_EQ(elements("[]"), "");
    EXPECT_EQ(elements("{}"), "22023: records: must be an array");
    EXPECT_EQ(elements("7"), "22023: records: must be an array");
    EXPECT_EQ(elements("[1,2,nul]"), "22023: records[2]: not valid JSON");
    EXPECT_EQ(elements("[1,2,{\"a\":1,\"a\":1}]"), "22023: records[2]: duplicate key");
    EXPECT_EQ(elements("[1,2"), "22023: records: array or object does not end where the text ends");
    EXPECT_EQ(elements("[" + std::string(31, '[') + std::string(31, ']') + "]"),
              std::string(31, '[') + std::string(31, ']') + ";");
    EXPECT_EQ(elements("[1," + std::string(32, '[') + std::string(32, ']') + "]"),
              "22023: records[1]: nested too deeply");
}

TEST(JsonDoor, ObjectsGiveTheirMembersAndSplitRecords) {
    const Object object = parse_object(
        R"({"model": "pu\u006dp", "n": 12, "records": [ {"v": 1}, [2] ], "x": {"y": [1, 2]}, "b": true, "z": null})",
        "records");
    ASSERT_EQ(object.members.size(), 5U);
    EXPECT_EQ(object.members[0].key, "model");
    EXPECT_EQ(object.members[0].kind, Kind::string);
    EXPECT_EQ(object.members[0].text, "pump");
    EXPECT_EQ(object.members[0].json, R"("pu\u006dp")");
    EXPECT_EQ(object.find("n")->json, "12");
    EXPECT_EQ(object.find("n")->kind, Kind::number);
    EXPECT_EQ(object.find("x")->json, R"({"y":[1,2]})");
    EXPECT_EQ(object.find("x")->kind, Kind::object);
    EXPECT_EQ(object.find("b")->kind, Kind::boolean);
    EXPECT_EQ(object.find("z")->kind, Kind::null);
    EXPECT_EQ(object.find("records"), nullptr);
    ASSERT_TRUE(object.has_records);
    ASSERT_EQ(object.records.size(), 2U);
    EXPECT_EQ(object.records[1], "[2]");
    EXPECT_FALSE(parse_object("{}", "records").has_records);
    EXPECT_TRUE(parse_object("{\"records\":[]}", "records").has_records);
    EXPECT_EQ(parse_object("{\"records\":[1]}").find("records")->json, "[1]");
}

TEST(JsonDoor, ObjectsAreRefusedWithTheirPlace) {
    const auto refusal = [](std::string_view json) {
        return outcome([&] {
            (void)parse_object(json, "records");
            return std::string();
        });
    };
    EXPECT_EQ(refusal("[1]"), "22023: JSON text: must be an object");
    EXPECT_EQ(refusal("1"), "22023: JSON text: must be an object");
    EXPECT_EQ(refusal(""), "22023: JSON text: nothing there");
    EXPECT_EQ(refusal(R"({"records":7})"), "22023: records: must be an array");
    EXPECT_EQ(refusal(R"({"records":[1,"\u0000"]})"), "22023: records[1]: \\u0000 is not allowed");
    EXPECT_EQ(refusal(R"({"records":[1],"records":[2]})"), "22023: JSON text: duplicate key");
    EXPECT_EQ(refusal(R"({"a":1,"a":2})"), "22023: JSON text: duplicate key");
    EXPECT_EQ(refusal(R"({"a":1}x)"), "22023: JSON text: array or object does not end where the text ends");
    EXPECT_EQ(refusal(R"({"a":1}{})"), "22023: JSON text: something follows the value");
}

TEST(JsonDoor, WhatPassesTheDomParserTakesToo) {
    // The other parser of the same library as a witness over single-character changes of a document.
    const std::string document = R"({"a":[1,-2.5e3,true,null,"x\n\u00e9"],"b":{"c":{}},"d":"gr\u00fcn"})";
    simdjson::dom::parser parser;
    int passed = 0;
    for (std::size_t at = 0; at < document.size(); ++at) {
        for (const char c : "\"\\{}[]:,0e.-tu \x01\xff"sv) {
            std::string altered = document;
            altered[at] = c;
            const std::string result = compacted(altered);
            if (is_refused(result)) continue;
            ++passed;
            EXPECT_EQ(parser.parse(simdjson::padded_string(altered)).error(), simdjson::SUCCESS) << altered;
            EXPECT_EQ(compacted(result), result) << altered;
        }
    }
    EXPECT_GT(passed, 100);
}

} // namespace
} // namespace soup::json
