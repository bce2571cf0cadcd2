// The request path without sockets and without a database: bytes → Request → Plan, and results → JSON.
#include "core/error.hpp"
#include "tests/gateway/sample_catalogue.hpp"
#include "thin_gateway/errors.hpp"
#include "thin_gateway/json_out.hpp"
#include "thin_gateway/pg_array.hpp"
#include "thin_gateway/plan.hpp"
#include "thin_gateway/request_parser.hpp"
#include "thin_gateway/response.hpp"
#include "thin_gateway/statements.hpp"

#include <gtest/gtest.h>
#include <limits>

namespace soup::gateway {
namespace {

const RequestLimits limits;

std::string message(std::string_view line, std::string_view headers, std::string_view body = {}) {
    std::string text =
        std::string(line) + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer abc\r\n" + std::string(headers);
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + std::string(body);
}

std::string post(std::string_view function, std::string_view body) {
    return message("POST /v1/" + std::string(function), "Content-Type: application/json\r\n", body);
}

Plan plan(std::string_view bytes, bool serves_internal = false) {
    static const Catalogue catalogue = sample_catalogue();
    Request request;
    RequestParser parser(request, limits);
    EXPECT_EQ(parser.feed(bytes), bytes.size());
    EXPECT_TRUE(parser.is_done());
    return plan_request(request, {&catalogue, serves_internal, limits});
}

std::string code_of(std::string_view bytes) {
    try {
        plan(bytes);
    } catch (const Problem& problem) {
        return std::string(problem.rule->code);
    } catch (const Error& refusal) {
        return refusal.reason();
    }
    return "planned";
}

TEST(Plan, TakesOnlyTheArgumentsThatWereGiven) {
    const Plan planned = plan(post("nearest", R"({"model":"m","k":5,"query":[1,2],"filter":null})"));
    const auto& call = std::get<FunctionCall>(planned);
    EXPECT_EQ(call.arguments.given, 0b111u);
    EXPECT_EQ(call.arguments.values[2].bytes, std::string("\0\0\0\5", 4));
    Statements statements;
    EXPECT_EQ(statements.find(*call.function, call.arguments.given)->sql,
              R"(SELECT soup_api."nearest"("token" => $1, "model" => $2, "query" => $3, "k" => $4))");
    EXPECT_EQ(statements.find(*call.function, call.arguments.given), statements.find(*call.function, 0b111));
}

TEST(Plan, AsksAStreamForAllRows) {
    const Plan planned =
        plan(message("POST /v1/nearest", "Accept: application/x-ndjson\r\nContent-Type: application/json\r\n",
                     R"({"model":"m"})"));
    const auto& call = std::get<FunctionCall>(planned);
    EXPECT_TRUE(call.is_stream);
    EXPECT_EQ(call.arguments.values[11].bytes, "0");
}

TEST(Plan, LeavesAllRowsToStreams) {
    for (const char* bad : {"0", "-0", "-1", "-2147483648", "1.0", "\"1\"", "2147483648"})
        EXPECT_EQ(code_of(post("nearest", R"({"model":"m","page_size":)" + std::string(bad) + "}")),
                  "BAD_INPUT")
            << bad;
    EXPECT_EQ(code_of(message("GET /v1/nearest?model=m&page_size=0", "")), "BAD_INPUT");
    for (const char* good : {"1", "2147483647", "null"})
        EXPECT_EQ(code_of(post("nearest", R"({"model":"m","page_size":)" + std::string(good) + "}")),
                  "planned")
            << good;
    EXPECT_EQ(code_of(message("POST /v1/nearest",
                              "Accept: application/x-ndjson\r\nContent-Type: application/json\r\n",
                              R"({"model":"m","page_size":5})")),
              "BAD_INPUT")
        << "a stream has no pages";
}

TEST(Plan, HidesInternalFunctionsFromThePublicListener) {
    EXPECT_EQ(code_of(post("inspect", "{}")), "HTTP_NO_ROUTE");
    EXPECT_NO_THROW(plan(post("inspect", "{}"), true));
    EXPECT_EQ(code_of(post("append_many", "{}")), "HTTP_NO_ROUTE");
    EXPECT_EQ(code_of(post("strange", "{}")), "HTTP_NO_ROUTE")
        << "a type that has no JSON form is not served";
}

TEST(Plan, ChecksValuesByTheCatalogue) {
    const auto with = [](std::string_view member) {
        return code_of(post("nearest", R"({"model":"m",)" + std::string(member) + "}"));
    };
    for (const char* good :
         {R"("k":2147483647)", R"("k":-0)", R"("seed":-9223372036854775808)", R"("radius":1e308)",
          R"("query":[1e-50])", R"("exact":false)", R"("owner":"01234567-89ab-cdef-0123-456789ABCDEF")",
          R"("code":"AAA=")", R"("names":["a","\u00e4"])", R"("since":"2024-02-29T23:59:60+01:00")"})
        EXPECT_EQ(with(good), "planned") << good;
    for (const char* bad : {R"("k":2147483648)", R"("k":1.0)", R"("k":1e3)", R"("k":"1")", R"("k":true)",
                            R"("seed":9223372036854775808)", R"("radius":"1")", R"("query":[1e39])",
                            R"("query":[true])", R"("query":[[1]])", R"("query":1)", R"("exact":0)",
                            R"("owner":"x")", R"("code":"*")", R"("names":[null])", R"("names":[1])",
                            R"("since":"2024-02-30T00:00:00Z")", R"("since":1)", R"("token":"x")"})
        EXPECT_EQ(with(bad), "BAD_INPUT") << bad;
}

TEST(Plan, EncodesAVectorAsABinaryArray) {
    const Plan planned = plan(post("nearest", R"({"model":"m","query":[1.5,-2]})"));
    std::string expected;
    pg_array::begin(expected, oid::float4, 2);
    pg_array::add_float4(expected, 1.5f);
    pg_array::add_float4(expected, -2.0f);
    EXPECT_EQ(std::get<FunctionCall>(planned).arguments.values[1].bytes, expected);
}

TEST(Append, KeepsRecordsAsTheyWereWritten) {
    const Plan planned = plan(post(
        "append",
        R"({"model":"m","records":[ {"id": 12345678901234567890, "x": 1.10} , "a" ],"times":["1970-01-01T00:00:00Z",null]})"));
    const auto& element = std::get<AppendElement>(planned);
    std::string records, times;
    pg_array::add(records, R"({"id":12345678901234567890,"x":1.10})");
    pg_array::add(records, R"("a")");
    pg_array::add_int8(times, -946684800000000);
    pg_array::add_null(times);
    EXPECT_EQ(element.records, records);
    EXPECT_EQ(element.times, times);
    EXPECT_EQ(element.record_count, 2);
    EXPECT_EQ(element.content_type, "application/json");
}

TEST(Parser, TakesARequestByteByByte) {
    const std::string bytes = post("login", R"({"username":"u","passphrase":"p"})");
    Request request;
    RequestParser parser(request, limits);
    std::string buffer;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        EXPECT_FALSE(parser.is_done()) << i;
        buffer += bytes[i];
        buffer.erase(0, parser.feed(buffer));
    }
    EXPECT_TRUE(parser.is_done());
    EXPECT_EQ(request.body, R"({"username":"u","passphrase":"p"})");
}

TEST(Parser, LeavesTheNextRequestAlone) {
    const std::string first = message("GET /healthz", "");
    Request request;
    RequestParser parser(request, limits);
    EXPECT_EQ(parser.feed(first + first), first.size());
    EXPECT_TRUE(parser.is_done());
}

TEST(Parser, RefusesAHeaderJustAboveItsLimit) {
    const auto refuses = [](std::size_t bytes) {
        Request request;
        RequestParser parser(request, limits);
        try {
            parser.feed("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(bytes, 'a') + "\r\n\r\n");
        } catch (const Problem& problem) {
            return problem.rule->status == 431;
        }
        return false;
    };
    EXPECT_FALSE(refuses(limits.header_bytes_max - 64));
    EXPECT_TRUE(refuses(limits.header_bytes_max));
}

TEST(Parser, TakesABigBodyOnlyForAnAppend) {
    const auto is_refused = [](std::string_view target, std::string_view framing) {
        Request request;
        RequestParser parser(request, limits);
        try {
            parser.feed("POST " + std::string(target) +
                        " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + std::string(framing));
        } catch (const Problem& problem) {
            return problem.rule->status == 413;
        }
        return false;
    };
    const std::string call = "Content-Length: 1048576\r\n\r\n", more = "Content-Length: 1048577\r\n\r\n",
                      chunk = "Transfer-Encoding: chunked\r\n\r\n100001\r\n";
    for (const char* target : {"/v1/append", "/v1/append?model=pump"}) {
        EXPECT_FALSE(is_refused(target, more)) << target;
        EXPECT_FALSE(is_refused(target, chunk)) << target;
        EXPECT_FALSE(is_refused(target, "Content-Length: 67108864\r\n\r\n")) << target;
        EXPECT_TRUE(is_refused(target, "Content-Length: 67108865\r\n\r\n")) << target;
    }
    for (const char* target : {"/v1/nearest", "/v1/login", "/v1/nosuch", "/", "/v1/append/",
                               "/v1/append_many", "/v1/nearest?/v1/append"}) {
        EXPECT_FALSE(is_refused(target, call)) << target;
        EXPECT_TRUE(is_refused(target, more)) << target;
        EXPECT_TRUE(is_refused(target, chunk)) << target;
    }
}

TEST(Parser, TakesMemoryForABodyAsItComes) {
    Request request;
    RequestParser parser(request, limits);
    std::string input = "POST /v1/append HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                        "Content-Length: 67108864\r\n\r\n";
    EXPECT_EQ(parser.feed(input), input.size());
    EXPECT_LT(request.body.capacity(), std::size_t{128} << 10) << "64 MiB are only announced";
    const std::string piece(std::size_t{1} << 20, ' ');
    for (std::size_t received = piece.size(); received <= std::size_t{64} << 20; received += piece.size()) {
        EXPECT_EQ(parser.feed(piece), piece.size());
        EXPECT_LE(request.body.capacity(), 2 * received + (std::size_t{128} << 10));
    }
    EXPECT_TRUE(parser.is_done());
    EXPECT_GE(request.body.capacity(), request.body.size() + 64) << "simdjson reads a little past the end";
}

TEST(Parser, FindsAFoldWhereverTheNetworkCuts) {
    const std::string bytes = "GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n";
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
        Request request;
        RequestParser parser(request, limits);
        std::string buffer = bytes.substr(0, cut);
        EXPECT_THROW(
            {
                buffer.erase(0, parser.feed(buffer));
                parser.feed(buffer + bytes.substr(cut));
            },
            Problem)
            << cut;
    }
}

std::string json_value(Type type, std::string_view bytes) {
    std::string out;
    write_value(out, type, bytes);
    return out;
}

template<class Integer>
std::string wire_of(Integer value) {
    std::string out;
    wire::append(out, value);
    return out;
}

TEST(JsonOut, WritesEachType) {
    EXPECT_EQ(json_value({Scalar::boolean}, std::string_view("\1", 1)), "true");
    EXPECT_EQ(json_value({Scalar::int8}, wire_of(std::numeric_limits<std::int64_t>::min())),
              "-9223372036854775808");
    EXPECT_EQ(json_value({Scalar::float4}, wire_of(std::bit_cast<std::int32_t>(0.1f))), "0.1");
    EXPECT_EQ(json_value({Scalar::float8}, wire_of(std::bit_cast<std::int64_t>(std::nan("")))), "null");
    EXPECT_EQ(json_value({Scalar::text}, "a\"\n\xc3\xa4"), "\"a\\\"\\n\xc3\xa4\"");
    EXPECT_EQ(json_value({Scalar::jsonb}, "\1{\"a\": 1}"), "{\"a\": 1}");
    EXPECT_EQ(json_value({Scalar::bytea}, std::string_view("\0\1\2", 3)), "\"AAEC\"");
    EXPECT_EQ(json_value({Scalar::uuid}, std::string(16, '\xab')),
              "\"abababab-abab-abab-abab-abababababab\"");
    EXPECT_EQ(json_value({Scalar::timestamptz}, wire_of<std::int64_t>(0)), "\"2000-01-01T00:00:00Z\"");
    EXPECT_EQ(json_value({Scalar::timestamptz}, wire_of(std::numeric_limits<std::int64_t>::max())),
              "\"infinity\"");
    std::string array;
    pg_array::begin(array, oid::int4, 2);
    pg_array::add_int4(array, -1);
    pg_array::add_null(array);
    EXPECT_EQ(json_value({Scalar::int4, true}, array), "[-1,null]");
    pg_array::begin(array, oid::text, 0);
    EXPECT_EQ(json_value({Scalar::text, true}, array), "[]");
}

TEST(JsonOut, RefusesEveryTruncation) {
    std::string array;
    pg_array::begin(array, oid::float4, 2);
    pg_array::add_float4(array, 1);
    pg_array::add_float4(array, 2);
    for (std::size_t size = 0; size < array.size(); ++size)
        EXPECT_THROW(json_value({Scalar::float4, true}, std::string_view(array).substr(0, size)),
                     wire::Malformed)
            << size;
    EXPECT_THROW(json_value({Scalar::float4, true}, array + "x"), wire::Malformed);
}

TEST(JsonOut, LiftsTheNextPageOutOfTheRow) {
    static const Catalogue catalogue = sample_catalogue();
    std::string row = wire_of<std::int32_t>(3);
    for (const std::string_view text : {"k", "", "page two"}) {
        row += wire_of<std::int32_t>(25);
        if (text.empty())
            row += wire_of<std::int32_t>(-1);
        else
            pg_array::add(row, text);
    }
    RowWriter writer(*catalogue.find("nearest"));
    std::string out;
    writer.write(out, row, oid::record);
    EXPECT_EQ(out, R"({"key":"k","distance":null})");
    EXPECT_EQ(writer.next_page(), "page two");
}

TEST(Errors, ShowNothingWithoutTheMark) {
    const Problem problem =
        problem_from(ServerError{"42601", "", "syntax error at or near \"SELECT\"", "DETAIL"});
    EXPECT_EQ(problem.rule->code, "INTERNAL");
    EXPECT_TRUE(problem.detail.empty());
    EXPECT_EQ(problem_from(ServerError{"22P02", "", "secret", ""}).rule->status, 400u);
    EXPECT_TRUE(problem_from(ServerError{"22P02", "", "secret", ""}).detail.empty());
    EXPECT_EQ(problem_from(ServerError{"55000", "PAGE_GONE", "page is gone", ""}).rule->status, 410u);
    EXPECT_EQ(problem_from(ServerError{"XX000", "NEW_REASON", "secret", ""}).rule->code, "INTERNAL");
}

TEST(Response, CannotBeSplitByWhatItSays) {
    std::string out;
    write_response(out, problem_response(problem("BAD_INPUT", "a\r\nSet-Cookie: x"), "id"),
                   {"id", "date", false, true});
    EXPECT_EQ(out.find("\r\nSet-Cookie"), std::string::npos);
    EXPECT_NE(out.find("a\\r\\nSet-Cookie"), std::string::npos);
}

} // namespace
} // namespace soup::gateway
