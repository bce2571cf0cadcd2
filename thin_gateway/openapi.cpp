// See openapi.hpp. `append` and `login` have hand-written request forms; all else follows the row.
#include "thin_gateway/openapi.hpp"

#include "core/json/writer.hpp"
#include "thin_gateway/catalogue.hpp"
#include "thin_gateway/errors.hpp"

#include <set>

namespace soup::gateway {
namespace {

using json::Writer;

void write_scalar_schema(Writer& w, Scalar scalar, bool is_nullable) {
    const auto type = [&](std::string_view name) {
        w.key("type");
        if (!is_nullable) return w.string(name);
        w.begin_array();
        w.string(name);
        w.string("null");
        w.end_array();
    };
    const auto formatted = [&](std::string_view name, std::string_view format) {
        type(name);
        w.key("format");
        w.string(format);
    };
    switch (scalar) {
    case Scalar::boolean:
        return type("boolean");
    case Scalar::int2:
    case Scalar::int4:
        return formatted("integer", "int32");
    case Scalar::int8:
        return formatted("integer", "int64");
    case Scalar::float4:
        return formatted("number", "float");
    case Scalar::float8:
        return formatted("number", "double");
    case Scalar::text:
        return type("string");
    case Scalar::uuid:
        return formatted("string", "uuid");
    case Scalar::timestamptz:
        return formatted("string", "date-time");
    case Scalar::bytea:
        type("string");
        w.key("contentEncoding");
        return w.string("base64");
    case Scalar::json:
    case Scalar::jsonb:
        return; // any JSON value
    }
}

void write_schema(Writer& w, Type type, bool is_nullable) {
    w.begin_object();
    if (type.is_array) {
        w.key("type");
        w.begin_array();
        w.string("array");
        if (is_nullable) w.string("null");
        w.end_array();
        w.key("items");
        w.begin_object();
        write_scalar_schema(w, type.scalar, false);
        w.end_object();
    } else {
        write_scalar_schema(w, type.scalar, is_nullable);
    }
    w.end_object();
}

/// Properties of an object with these names and types.
void write_row_schema(Writer& w, const Function& function) {
    w.begin_object();
    w.key("type");
    w.string("object");
    w.key("properties");
    w.begin_object();
    const std::size_t count = function.columns.size() - (function.is_paged ? 1 : 0);
    for (std::size_t i = 0; i < count; ++i) {
        w.key(function.columns[i].name);
        write_schema(w, function.columns[i].type, true);
    }
    w.end_object();
    w.end_object();
}

void write_result(Writer& w, const Function& function) {
    w.key("200");
    w.begin_object();
    w.key("description");
    w.string("the result");
    w.key("content");
    w.begin_object();
    w.key("application/json");
    w.begin_object();
    w.key("schema");
    if (function.returns_set) {
        w.begin_object();
        w.key("type");
        w.string("object");
        w.key("required");
        w.raw(R"(["rows","next_page"])");
        w.key("properties");
        w.begin_object();
        w.key("rows");
        w.begin_object();
        w.key("type");
        w.string("array");
        w.key("items");
        write_row_schema(w, function);
        w.end_object();
        w.key("next_page");
        w.raw(R"({"type":["string","null"]})");
        w.end_object();
        w.end_object();
    } else {
        write_row_schema(w, function);
    }
    w.end_object();
    if (function.returns_set) {
        w.key("application/x-ndjson");
        w.raw(
            R"({"schema":{"type":"string","description":"a row a line; the last line is {\"end\":true,\"rows\":N}"}})");
    }
    w.end_object();
    w.end_object();
    w.key("default");
    w.raw(R"({"$ref":"#/components/responses/problem"})");
}

void write_arguments(Writer& w, const Function& function) {
    w.begin_object();
    w.key("type");
    w.string("object");
    w.key("additionalProperties");
    w.boolean(false);
    w.key("required");
    w.begin_array();
    for (const auto& arg : function.args)
        if (!arg.is_optional) w.string(arg.name);
    w.end_array();
    w.key("properties");
    w.begin_object();
    for (const auto& arg : function.args) {
        w.key(arg.name);
        write_schema(w, arg.type, arg.is_optional);
    }
    w.end_object();
    w.end_object();
}

constexpr std::string_view append_body =
    R"({"required":true,"content":{)"
    R"("application/json":{"schema":{"type":"object","additionalProperties":false,"required":["model","records"],)"
    R"("properties":{"model":{"type":"string"},"records":{"type":"array","minItems":1,"items":{}},)"
    R"("label":{"type":["string","null"]},"stream":{"type":["string","null"]},)"
    R"("times":{"type":["array","null"],"items":{"type":["string","null"],"format":"date-time"}},)"
    R"("content_type":{"type":["string","null"]},"idempotency_key":{"type":["string","null"]}}}},)"
    R"("application/x-ndjson":{"schema":{"type":"string","description":"a record a line, the last one ended too; )"
    R"(other arguments in the query string"}},)"
    R"("application/octet-stream":{"schema":{"type":"string","format":"binary","description":"one opaque record"}},)"
    R"("application/vnd.soup.columns":{"schema":{"type":"string","format":"binary",)"
    R"("description":"columns of typed arrays; see extension/rawlog/FORMAT.md"}}}})";

void write_operation(Writer& w, const Function& function, bool is_get) {
    w.begin_object();
    w.key("operationId");
    w.string(is_get ? "get_" + function.name : function.name);
    w.key("summary");
    w.string(function.comment);
    if (function.takes_token) {
        w.key("security");
        w.raw(R"([{"bearer":[]},{"basic":[]}])");
    }
    const bool is_append = function.name == "append";
    const bool takes_key = function.find_argument("idempotency_key") != nullptr;
    if (is_get || is_append || takes_key) {
        w.key("parameters");
        w.begin_array();
        for (const auto& arg : function.args) {
            if (is_append ? arg.name == "records" || arg.name == "times" : !is_get) continue;
            w.begin_object();
            w.key("name");
            w.string(arg.name);
            w.key("in");
            w.string("query");
            w.key("required");
            w.boolean(is_get && !arg.is_optional);
            if (is_append) {
                w.key("description");
                w.string("with a body that is not JSON");
            }
            w.key("schema");
            write_schema(w, arg.type, false);
            w.end_object();
        }
        if (takes_key) w.raw(R"({"name":"Idempotency-Key","in":"header","schema":{"type":"string"}})");
        w.end_array();
    }
    if (!is_get) {
        w.key("requestBody");
        if (is_append) {
            w.raw(append_body);
        } else {
            w.begin_object();
            w.key("required");
            w.boolean(true);
            w.key("content");
            w.begin_object();
            w.key("application/json");
            w.begin_object();
            w.key("schema");
            write_arguments(w, function);
            w.end_object();
            w.end_object();
            w.end_object();
        }
    }
    w.key("responses");
    w.begin_object();
    write_result(w, function);
    w.end_object();
    w.end_object();
}

void write_components(Writer& w) {
    w.begin_object();
    w.key("securitySchemes");
    w.raw(R"({"bearer":{"type":"http","scheme":"bearer"},"basic":{"type":"http","scheme":"basic"}})");
    w.key("responses");
    w.raw(R"({"problem":{"description":"a refusal","content":{"application/problem+json":)"
          R"({"schema":{"$ref":"#/components/schemas/problem"}}}}})");
    w.key("schemas");
    w.begin_object();
    w.key("problem");
    w.begin_object();
    w.key("type");
    w.string("object");
    w.key("required");
    w.raw(R"(["type","title","status","code","detail","request_id"])");
    w.key("properties");
    w.begin_object();
    for (const std::string_view text : {"type", "title", "detail", "request_id"}) {
        w.key(text);
        w.raw(R"({"type":"string"})");
    }
    w.key("status");
    w.raw(R"({"type":"integer"})");
    w.key("code");
    w.begin_object();
    w.key("type");
    w.string("string");
    w.key("enum");
    w.begin_array();
    std::set<std::string_view> codes;
    for (const auto& rule : error_rules())
        if (codes.insert(rule.code).second) w.string(rule.code);
    w.end_array();
    w.end_object();
    w.end_object();
    w.end_object();
    w.end_object();
    w.end_object();
}

} // namespace

std::string openapi_document(const Catalogue& catalogue, bool with_internal) {
    std::string out;
    Writer w(out);
    w.begin_object();
    w.key("openapi");
    w.string("3.1.0");
    w.key("info");
    w.begin_object();
    w.key("title");
    w.string("MachineSoup");
    w.key("version");
    w.string(SOUP_VERSION);
    w.end_object();
    w.key("paths");
    w.begin_object();
    for (const auto& [name, function] : catalogue.functions()) {
        if (function.exposure == Exposure::gateway) continue;
        if (function.exposure == Exposure::internal && !with_internal) continue;
        w.key("/v1/" + name);
        w.begin_object();
        w.key("post");
        write_operation(w, function, false);
        if (function.is_read_only) {
            w.key("get");
            write_operation(w, function, true);
        }
        w.end_object();
    }
    w.end_object();
    w.key("components");
    write_components(w);
    w.end_object();
    return out;
}

} // namespace soup::gateway
