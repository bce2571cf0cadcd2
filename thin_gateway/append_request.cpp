// See append_request.hpp.
#include "thin_gateway/append_request.hpp"

#include "core/error.hpp"
#include "core/frame/columns.hpp"
#include "core/json/door.hpp"
#include "core/json/time.hpp"
#include "thin_gateway/arguments.hpp"
#include "thin_gateway/errors.hpp"
#include "thin_gateway/pg_array.hpp"

#include <simdjson.h>

namespace soup::gateway {
namespace {

constexpr std::string_view ndjson_type = "application/x-ndjson";
constexpr std::string_view opaque_type = "application/octet-stream";
constexpr std::string_view json_type = "application/json";

void add_time(AppendElement& element, std::optional<std::int64_t> time_us) {
    if (time_us)
        pg_array::add_int8(element.times, *time_us - wire::epoch_2000_us);
    else
        pg_array::add_null(element.times);
}

std::int64_t read_time(std::string_view text, std::size_t index) {
    const auto time_us = json::parse_time(text);
    if (!time_us) throw bad_input("times[" + std::to_string(index) + "]: not an RFC 3339 time");
    return *time_us;
}

void set_text(AppendElement& element, std::string_view name, std::string value) {
    if (name == "model")
        element.model = std::move(value);
    else if (name == "label")
        element.label = std::move(value);
    else if (name == "stream")
        element.stream = std::move(value);
    else if (name == "content_type")
        element.content_type = std::move(value);
    else if (name == "idempotency_key")
        element.idempotency_key = std::move(value);
    else
        throw bad_input("function \"append\" has no argument \"" + std::string(name) + "\" here");
}

void set_records(AppendElement& element, const json::Records& records) {
    if (records.size() == 0) throw bad_input("there are no records");
    element.record_count = static_cast<std::int32_t>(records.size());
    element.records.reserve(records.text.size() + 4 * records.size());
    for (std::size_t i = 0; i < records.size(); ++i)
        pg_array::add(element.records, records[i]);
}

void set_times(AppendElement& element, std::string_view times_json) {
    thread_local simdjson::dom::parser parser;
    std::size_t count = 0;
    for (const simdjson::dom::element time : parser.parse(times_json).get_array()) {
        std::string_view text;
        if (time.is_null())
            add_time(element, std::nullopt);
        else if (time.get(text))
            throw bad_input("times[" + std::to_string(count) + "]: not an RFC 3339 time");
        else
            add_time(element, read_time(text, count));
        ++count;
    }
    if (count != static_cast<std::size_t>(element.record_count))
        throw bad_input("there are " + std::to_string(element.record_count) + " records but " +
                        std::to_string(count) + " times");
}

void read_json(AppendElement& element, const Request& request, const json::Limits& limits) {
    const auto object = json::parse_object(request.body, "records", limits);
    if (!query_of(request.target).empty())
        throw bad_input("with a JSON body the arguments stand in the body, not in the query string");
    if (!object.has_records) throw bad_input("argument \"records\" must be an array");
    set_records(element, object.records);
    for (const auto& member : object.members) {
        if (member.key == "times") {
            if (member.kind == json::Kind::null) continue;
            if (member.kind != json::Kind::array) throw bad_input("argument \"times\" must be an array");
            set_times(element, member.json);
        } else if (member.kind != json::Kind::null) {
            if (member.kind != json::Kind::string && member.key != "records")
                throw bad_input("argument \"" + member.key + "\" must be a string");
            set_text(element, member.key, member.text);
        }
    }
}

void read_opaque(AppendElement& element, const Request& request, const Query& query) {
    if (request.body.empty()) throw bad_input("the body is empty");
    element.record_count = 1;
    element.only_record = request.body;
    for (const auto& [name, value] : query) {
        if (name == "times")
            add_time(element, read_time(value, 0));
        else
            set_text(element, name, value);
    }
    if (!element.content_type) element.content_type = opaque_type;
}

// The rows are taken out and checked by the server: what it receives is one record. Only their number is
// looked at here, since it is limited here.
void read_columns(AppendElement& element, const Request& request, const Query& query,
                  std::size_t records_max) {
    if (request.body.empty()) throw bad_input("the body is empty");
    if (frame::announced_rows(std::as_bytes(std::span(request.body))).value_or(0) > records_max)
        throw too_big("a batch exceeds the limit of " + std::to_string(records_max) + " records");
    element.record_count = 1;
    element.only_record = request.body;
    for (const auto& [name, value] : query)
        set_text(element, name, value);
    std::string type(frame::columns_content_type);
    if (element.content_type) type.append(";records=").append(*element.content_type);
    element.content_type = std::move(type);
}

} // namespace

AppendElement append_element(const Request& request, const RequestLimits& limits) {
    AppendElement element;
    json::Limits json_limits;
    json_limits.records_max = limits.records_max;
    json_limits.bytes_max = std::max(limits.json_bytes_max, limits.ndjson_bytes_max);
    if (request.content_type == json_type) {
        read_json(element, request, json_limits);
        if (!element.content_type) element.content_type = json_type;
    } else if (request.content_type == ndjson_type) {
        set_records(element, json::records_from_ndjson(request.body, json_limits));
        for (auto& [name, value] : query_of(request.target))
            set_text(element, name, value);
        if (!element.content_type) element.content_type = json_type;
    } else if (request.content_type == opaque_type) {
        read_opaque(element, request, query_of(request.target));
    } else if (request.content_type == frame::columns_content_type) {
        read_columns(element, request, query_of(request.target), limits.records_max);
    } else {
        throw problem("HTTP_MEDIA_TYPE", "append takes application/json, application/x-ndjson, "
                                         "application/octet-stream or application/vnd.soup.columns");
    }
    if (element.model.empty()) throw bad_input("argument \"model\" is missing");
    if (request.has_idempotency_key) {
        check_idempotency_key(request.idempotency_key);
        if (element.idempotency_key)
            throw bad_input("Idempotency-Key is given both as header and as argument");
        element.idempotency_key = request.idempotency_key;
    }
    return element;
}

} // namespace soup::gateway
