// Checks of one append's arguments. Errors name the argument and the limit.
#include "rawlog/request.hpp"

#include "core/error.hpp"
#include "core/frame/columns.hpp"
#include "core/frame/media_type.hpp"
#include "core/json/door.hpp"

#include <algorithm>
#include <string>

namespace soup::rawlog {

namespace {

bool has_control_character(std::string_view text) noexcept {
    return std::ranges::any_of(text, [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
    });
}

void check_text(const char* argument, const std::optional<std::string_view>& text, std::size_t bytes_max) {
    if (!text) return;
    if (text->empty()) throw bad_input(std::string(argument) + " must not be empty");
    if (text->size() > bytes_max)
        throw too_big(std::string(argument) + " is longer than " + std::to_string(bytes_max) + " bytes");
    if (has_control_character(*text))
        throw bad_input(std::string(argument) + " must not hold control characters");
}

/// RFC 9110's characters of a token.
bool is_token(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

void check_content_type(std::string_view content_type) {
    const std::string_view base = frame::base_type(content_type);
    const std::size_t slash = base.find('/');
    const bool is_ascii = std::ranges::all_of(content_type, [](char c) { return c >= 0x20 && c < 0x7f; });
    if (!is_ascii || slash == std::string_view::npos || !is_token(base.substr(0, slash)) ||
        !is_token(base.substr(slash + 1)))
        throw bad_input("content_type must have the form type/subtype");
}

} // namespace

ContentType read_content_type(const Request& request) noexcept {
    constexpr std::string_view rows_parameter = ";records=";
    const std::string_view given = request.content_type.value_or(content_type_default);
    const std::string_view columns = frame::columns_content_type;
    if (given == columns) return {true, {}};
    if (!given.starts_with(columns) || !given.substr(columns.size()).starts_with(rows_parameter))
        return {false, given};
    return {true, {}, given.substr(columns.size() + rows_parameter.size())};
}

void check_request(const Request& request) {
    if (!request.model) throw bad_input("model must not be null");
    check_text("stream", request.stream, stream_bytes_max);
    check_text("idempotency_key", request.idempotency_key, idempotency_key_bytes_max);
    if (request.content_type) {
        const ContentType type = read_content_type(request);
        const auto checked = type.is_columns_body ? type.of_rows : type.of_records;
        check_text("content_type", checked, content_type_bytes_max);
        if (checked) check_content_type(*checked);
    }
    if (request.records.empty()) throw bad_input("records must not be empty");
    if (request.records.size() > records_max)
        throw too_big("an append takes at most " + std::to_string(records_max) + " records");
}

void collect_records(const Request& request, std::vector<frame::Record>& records) {
    records.clear();
    for (std::size_t i = 0; i < request.records.size(); ++i) {
        const auto& bytes = request.records[i];
        if (!bytes) throw bad_input("records[" + std::to_string(i) + "] must not be null");
        records.push_back({*bytes, request.times.empty() ? std::nullopt : request.times[i]});
        if (records.back().time_us == time_not_finite)
            throw bad_input("times[" + std::to_string(i) + "] must be finite");
    }
}

void check_records(std::string_view content_type, std::span<const frame::Record> records) {
    if (!frame::is_media_type(content_type, "application/json")) return;
    for (std::size_t i = 0; i < records.size(); ++i) {
        const auto bytes = records[i].bytes;
        try {
            json::compact({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        } catch (const Error& error) {
            throw Error(error.sqlstate(), error.reason(),
                        "records[" + std::to_string(i) + "]: " + error.message(), error.detail());
        }
    }
}

} // namespace soup::rawlog
