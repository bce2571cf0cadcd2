// Packed rows: their content type, and reading them.
#include "core/frame/row.hpp"

#include "core/error.hpp"
#include "core/little_endian.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace soup::frame {
namespace {

struct TypeRow {
    FieldType type;
    std::string_view name;
    std::size_t width;
};
constexpr std::array<TypeRow, 9> types = {{{FieldType::f4, "f4", 4},
                                           {FieldType::f8, "f8", 8},
                                           {FieldType::i2, "i2", 2},
                                           {FieldType::i4, "i4", 4},
                                           {FieldType::i8, "i8", 8},
                                           {FieldType::boolean, "bool", 1},
                                           {FieldType::time, "time", 8},
                                           {FieldType::bytes, "bytes", 0},
                                           {FieldType::text, "text", 0}}};

constexpr std::string_view parameter = ";fields=";
constexpr std::size_t length_bytes = 4;

const TypeRow& row_of(FieldType type) noexcept {
    return types[static_cast<std::size_t>(type) - 1];
}

bool is_unreserved(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void append_escaped(std::string& out, std::string_view name) {
    static constexpr char digits[] = "0123456789ABCDEF";
    for (const char c : name) {
        if (is_unreserved(c)) {
            out += c;
        } else {
            out += '%';
            out += digits[static_cast<unsigned char>(c) >> 4];
            out += digits[static_cast<unsigned char>(c) & 15];
        }
    }
}

Error wrong_content_type(const char* why) {
    return bad_input("content type of packed rows is not valid", why);
}

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// One escaped form for one name, as append_escaped writes it.
std::string unescape(std::string_view escaped) {
    std::string name;
    for (std::size_t i = 0; i < escaped.size(); ++i) {
        if (is_unreserved(escaped[i])) {
            name += escaped[i];
            continue;
        }
        if (escaped[i] != '%' || escaped.size() - i < 3)
            throw wrong_content_type("A field name is not escaped.");
        const int high = hex_value(escaped[i + 1]), low = hex_value(escaped[i + 2]);
        const char c = static_cast<char>(high * 16 + low);
        if (high < 0 || low < 0 || is_unreserved(c))
            throw wrong_content_type("A field name is wrongly escaped.");
        name += c;
        i += 2;
    }
    return name;
}

RowField parse_field(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) throw wrong_content_type("A field has no type.");
    const auto type = type_from_name(text.substr(colon + 1));
    if (!type || *type == FieldType::time) throw wrong_content_type("A field has an unknown type.");
    RowField field{unescape(text.substr(0, colon)), *type};
    if (field.name.empty()) throw wrong_content_type("A field has no name.");
    return field;
}

Error wrong_row(const RowField& field, const char* why) {
    return bad_input("packed row is not valid", "Field \"" + field.name + "\" " + why + ".");
}

} // namespace

std::string_view type_name(FieldType type) noexcept {
    return row_of(type).name;
}

std::optional<FieldType> type_from_name(std::string_view name) noexcept {
    for (const TypeRow& row : types)
        if (row.name == name) return row.type;
    return std::nullopt;
}

std::size_t type_width(FieldType type) noexcept {
    return row_of(type).width;
}

std::string make_row_content_type(std::span<const RowField> fields) {
    std::string text(row_content_type);
    text += parameter;
    bool is_first = true;
    for (const RowField& field : fields) {
        if (!is_first) text += ',';
        is_first = false;
        append_escaped(text, field.name);
        text += ':';
        text += type_name(field.type);
    }
    return text;
}

bool is_row_content_type(std::string_view content_type) noexcept {
    return content_type.starts_with(row_content_type) &&
           (content_type.size() == row_content_type.size() || content_type[row_content_type.size()] == ';');
}

RowReader::RowReader(std::string_view content_type) {
    if (!is_row_content_type(content_type) ||
        !content_type.substr(row_content_type.size()).starts_with(parameter))
        throw wrong_content_type("The fields are missing.");
    std::string_view rest = content_type.substr(row_content_type.size() + parameter.size());
    bool is_fixed = true;
    while (true) {
        const std::size_t comma = rest.find(',');
        fields_.push_back(parse_field(rest.substr(0, comma)));
        const RowField& field = fields_.back();
        if (std::any_of(fields_.begin(), fields_.end() - 1,
                        [&](const RowField& earlier) { return earlier.name == field.name; }))
            throw wrong_content_type("Two fields have the same name.");
        is_fixed &= type_width(field.type) != 0;
        if (comma == std::string_view::npos) break;
        rest.remove_prefix(comma + 1);
    }
    begins_.resize(fields_.size());
    lengths_.resize(fields_.size());
    std::uint32_t begin = 0;
    for (std::size_t i = 0; is_fixed && i < fields_.size(); ++i) {
        begins_[i] = begin;
        lengths_[i] = static_cast<std::uint32_t>(type_width(fields_[i].type));
        begin += lengths_[i];
    }
    fixed_bytes_ = is_fixed ? begin : 0;
}

std::optional<std::size_t> RowReader::find(std::string_view name) const noexcept {
    for (std::size_t i = 0; i < fields_.size(); ++i)
        if (fields_[i].name == name) return i;
    return std::nullopt;
}

void RowReader::read(std::span<const std::byte> row) {
    row_ = row.data();
    if (fixed_bytes_ != 0 && row.size() != fixed_bytes_)
        throw bad_input("packed row has " + std::to_string(row.size()) + " bytes instead of " +
                        std::to_string(fixed_bytes_));
    std::size_t at = 0;
    for (std::size_t i = 0; i < fields_.size(); ++i) {
        const RowField& field = fields_[i];
        std::size_t length = type_width(field.type);
        if (length == 0) {
            if (row.size() - at < length_bytes) throw wrong_row(field, "is cut short");
            length = load_le<std::uint32_t>(row_ + at);
            at += length_bytes;
        }
        if (length > row.size() - at) throw wrong_row(field, "is cut short");
        begins_[i] = static_cast<std::uint32_t>(at);
        lengths_[i] = static_cast<std::uint32_t>(length);
        at += length;
        if (field.type == FieldType::boolean && std::to_integer<unsigned>(row_[begins_[i]]) > 1)
            throw wrong_row(field, "is neither 0 nor 1");
        if (field.type == FieldType::text) {
            const std::string_view value = text(i);
            if (!simdjson::validate_utf8(value.data(), value.size()))
                throw wrong_row(field, "is not valid UTF-8");
            if (value.find('\0') != std::string_view::npos) throw wrong_row(field, "contains NUL");
        }
    }
    if (at != row.size()) throw bad_input("packed row is longer than its fields");
}

bool RowReader::is_number(std::size_t field) const noexcept {
    const FieldType type = fields_[field].type;
    return type != FieldType::bytes && type != FieldType::text;
}

double RowReader::number(std::size_t field) const noexcept {
    const std::byte* const at = row_ + begins_[field];
    switch (fields_[field].type) {
    case FieldType::f4:
        return load_le<float>(at);
    case FieldType::f8:
        return load_le<double>(at);
    default:
        return static_cast<double>(integer(field));
    }
}

std::int64_t RowReader::integer(std::size_t field) const noexcept {
    const std::byte* const at = row_ + begins_[field];
    switch (fields_[field].type) {
    case FieldType::i2:
        return load_le<std::int16_t>(at);
    case FieldType::i4:
        return load_le<std::int32_t>(at);
    case FieldType::i8:
        return load_le<std::int64_t>(at);
    case FieldType::boolean:
        return std::to_integer<std::int64_t>(*at);
    default:
        return 0; // excluded by the contract in the header
    }
}

std::span<const std::byte> RowReader::bytes(std::size_t field) const noexcept {
    return {row_ + begins_[field], lengths_[field]};
}

std::string_view RowReader::text(std::size_t field) const noexcept {
    return {reinterpret_cast<const char*>(row_ + begins_[field]), lengths_[field]};
}

} // namespace soup::frame
