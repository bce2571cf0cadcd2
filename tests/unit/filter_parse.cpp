// Filters: typed terms out of JSON; nothing outside the list of operators gets through (threat f23).
#include "core/error.hpp"
#include "core/manifest/filter.hpp"

#include <gtest/gtest.h>

namespace soup::manifest {
namespace {

const std::vector<Attribute> attributes = {
    {"score", AttributeType::real},         {"level", AttributeType::double_precision},
    {"count", AttributeType::integer},      {"id", AttributeType::bigint},
    {"is_on", AttributeType::boolean},      {"machine", AttributeType::text},
    {"seen_at", AttributeType::timestamptz}};

std::string refusal(std::string_view json) {
    try {
        (void)parse_filter(json, attributes);
        return "";
    } catch (const Error& error) {
        EXPECT_STREQ(error.sqlstate(), "22023");
        EXPECT_STREQ(error.reason(), "BAD_INPUT");
        return error.message();
    }
}

template<class T>
T only_value(std::string_view json) {
    const auto terms = parse_filter(json, attributes);
    EXPECT_EQ(terms.size(), 1U);
    EXPECT_EQ(terms.at(0).values.size(), 1U);
    return std::get<T>(terms.at(0).values.at(0));
}

TEST(Filter, ValuesHaveTheAttributesType) {
    EXPECT_EQ(only_value<double>(R"({"score":0.1})"), static_cast<double>(0.1F)) << "as the column stores it";
    EXPECT_EQ(only_value<double>(R"({"level":0.1})"), 0.1);
    EXPECT_EQ(only_value<double>(R"({"level":7})"), 7.0);
    EXPECT_EQ(only_value<std::int64_t>(R"({"count":-2147483648})"), -2147483648LL);
    EXPECT_EQ(only_value<std::int64_t>(R"({"id":9007199254740993})"), 9007199254740993);
    EXPECT_EQ(only_value<bool>(R"({"is_on":false})"), false);
    EXPECT_EQ(only_value<std::string>(R"({"machine":"pump'; DROP TABLE x--"})"), "pump'; DROP TABLE x--");
    EXPECT_EQ(only_value<std::int64_t>(R"({"seen_at":"1970-01-01T00:00:01Z"})"), 1'000'000);
}

TEST(Filter, OperatorsAreJoinedByAnd) {
    const auto terms = parse_filter(
        R"({"score":{"gt":0.5,"lte":2},"machine":{"in":["a","b","a"]},"is_on":{"ne":true},"count":3})",
        attributes);
    ASSERT_EQ(terms.size(), 5U);
    EXPECT_EQ(terms[0].attribute, 0U);
    EXPECT_EQ(terms[0].op, FilterOp::gt);
    EXPECT_EQ(terms[1].op, FilterOp::lte);
    EXPECT_EQ(terms[2].attribute, 5U);
    EXPECT_EQ(terms[2].op, FilterOp::in);
    EXPECT_EQ(terms[2].values.size(), 3U);
    EXPECT_EQ(terms[3].op, FilterOp::ne);
    EXPECT_EQ(terms[4].op, FilterOp::eq);
    EXPECT_TRUE(parse_filter("{}", attributes).empty());
    EXPECT_TRUE(parse_filter(R"({"count":{"in":[]}})", attributes).at(0).values.empty());
    EXPECT_EQ(op_name(FilterOp::eq), "eq");
    EXPECT_EQ(op_name(FilterOp::in), "in");
}

TEST(Filter, f23_filter_lang) {
    const std::pair<std::string, const char*> cases[] = {
        {"", "JSON text: nothing there"},
        {"[]", "filter: must be an object"},
        {"7", "filter: must be an object"},
        {R"({"other":1})", "filter/other: is not an attribute of this version"},
        {R"({"score; --":1})", "filter/score; --: is not an attribute of this version"},
        {R"({"score":1,"score":2})", "JSON text: duplicate key"},
        {R"({"score":null})", "filter/score: must be a number in the range of real"},
        {R"({"score":"1"})", "filter/score: must be a number in the range of real"},
        {R"({"score":1e39})", "filter/score: must be a number in the range of real"},
        {R"({"score":[1]})", "filter/score: must be a number in the range of real"},
        {R"({"score":NaN})", "JSON text: not valid JSON"},
        {R"({"score":{}})", "filter/score: names no operator"},
        {R"({"score":{"eq":1}})", "filter/score/eq: is not an operator; there are lt, lte, gt, gte, in, ne"},
        {R"({"score":{"like":1}})",
         "filter/score/like: is not an operator; there are lt, lte, gt, gte, in, ne"},
        {R"({"score":{"~":1}})", "filter/score/~0: is not an operator; there are lt, lte, gt, gte, in, ne"},
        {R"({"score":{"gt":{"lt":1}}})", "filter/score/gt: must be a number in the range of real"},
        {R"({"level":true})", "filter/level: must be a number"},
        {R"({"count":1.0})", "filter/count: must be an integer from -2147483648 to 2147483647"},
        {R"({"count":2147483648})", "filter/count: must be an integer from -2147483648 to 2147483647"},
        {R"({"count":1e3})", "filter/count: must be an integer from -2147483648 to 2147483647"},
        {R"({"id":9223372036854775808})",
         "filter/id: must be an integer from -9223372036854775808 to 9223372036854775807"},
        {R"({"is_on":1})", "filter/is_on: must be true or false"},
        {R"({"is_on":{"lt":true}})", "filter/is_on/lt: is not an operator of boolean"},
        {R"({"machine":7})", "filter/machine: must be a string"},
        {R"({"machine":"a\u0000"})", "JSON text: \\u0000 is not allowed"},
        {R"({"machine":{"in":"a"}})", "filter/machine/in: must be an array of 0 to 1000 elements"},
        {R"({"machine":{"in":["a",1]}})", "filter/machine/in/1: must be a string"},
        {R"({"machine":{"in":["a",null]}})", "filter/machine/in/1: must be a string"},
        {R"({"seen_at":0})", "filter/seen_at: must be an RFC 3339 time"},
        {R"({"seen_at":"now"})", "filter/seen_at: must be an RFC 3339 time"},
        {"{\"machine\":" + std::string(100'000, '[') + "}", "JSON text: nested too deeply"},
        {"{\"machine\":\"" + std::string(8193, 'a') + "\"}",
         "filter/machine: must not be longer than 8192 bytes"},
        {std::string((1 << 20) + 1, ' '), "filter: must not be longer than 1048576 bytes"},
    };
    for (const auto& [json, message] : cases)
        EXPECT_EQ(refusal(json), message) << json.substr(0, 200);
    EXPECT_EQ(refusal("{\"machine\":\"" + std::string(8192, 'a') + "\"}"), "");
}

TEST(Filter, f23_filter_lang_counts) {
    std::vector<Attribute> many;
    std::string json = "{";
    for (int i = 0; i < 65; ++i) {
        many.push_back({"a" + std::to_string(i), AttributeType::integer});
        json += (i == 0 ? "\"a" : ",\"a") + std::to_string(i) + "\":1";
        const bool fits = i < 64;
        if (fits)
            EXPECT_EQ(parse_filter(json + "}", many).size(), static_cast<std::size_t>(i) + 1);
        else
            EXPECT_THROW((void)parse_filter(json + "}", many), Error);
    }
    std::string list = "1";
    for (int i = 1; i < 1000; ++i)
        list += ",1";
    EXPECT_EQ(refusal("{\"count\":{\"in\":[" + list + "]}}"), "");
    EXPECT_EQ(refusal("{\"count\":{\"in\":[" + list + ",1]}}"),
              "filter/count/in: must be an array of 0 to 1000 elements");
}

} // namespace
} // namespace soup::manifest
