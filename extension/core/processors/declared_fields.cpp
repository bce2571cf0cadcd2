// See declared_fields.hpp.
#include "core/processors/declared_fields.hpp"

#include "core/json/byte_order_mark.hpp"
#include "core/json/time.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace soup::processors {
namespace {

using manifest::AttributeType;

/// Either a value (monostate is SQL's null) or, when `reason` isn't empty, why there is none.
struct Converted {
    Value value;
    std::string_view reason;
};

Converted refused(std::string_view why) {
    return {{}, why};
}

Converted to_real(const Field& field, double limit) {
    double number = 0;
    if (const auto* whole = std::get_if<std::int64_t>(&field))
        number = static_cast<double>(*whole);
    else if (const auto* real = std::get_if<double>(&field))
        number = *real;
    else
        return refused(reason::bad_record);
    if (!std::isfinite(number)) return refused(reason::bad_record);
    if (std::abs(number) > limit) return refused(reason::out_of_range);
    return {number, {}};
}

Converted to_whole(const Field& field, std::int64_t least, std::int64_t most) {
    const auto* whole = std::get_if<std::int64_t>(&field);
    if (whole == nullptr) return refused(reason::bad_record);
    if (*whole < least || *whole > most) return refused(reason::out_of_range);
    return {*whole, {}};
}

Converted to_time(const Field& field) {
    std::optional<std::int64_t> time;
    if (const auto* text = std::get_if<std::string_view>(&field)) {
        time = json::parse_time(*text);
    } else {
        const Converted seconds = to_real(field, std::numeric_limits<double>::max());
        if (!seconds.reason.empty()) return seconds;
        time = json::time_from_seconds(std::get<double>(seconds.value));
    }
    if (!time) return refused(reason::bad_record);
    return {*time, {}};
}

bool is_storable(std::string_view text) {
    return text.find('\0') == text.npos;
}

Converted convert(const Field& field, AttributeType type) {
    using Int32 = std::numeric_limits<std::int32_t>;
    using Int64 = std::numeric_limits<std::int64_t>;
    if (std::holds_alternative<std::monostate>(field)) return {};
    switch (type) {
    case AttributeType::real:
        return to_real(field, std::numeric_limits<float>::max());
    case AttributeType::double_precision:
        return to_real(field, std::numeric_limits<double>::max());
    case AttributeType::integer:
        return to_whole(field, Int32::min(), Int32::max());
    case AttributeType::bigint:
        return to_whole(field, Int64::min(), Int64::max());
    case AttributeType::boolean:
        if (const auto* truth = std::get_if<bool>(&field)) return {*truth, {}};
        break;
    case AttributeType::text:
        if (const auto* text = std::get_if<std::string_view>(&field); text != nullptr && is_storable(*text))
            return {std::string(*text), {}};
        break;
    case AttributeType::timestamptz:
        return to_time(field);
    }
    return refused(reason::bad_record);
}

/// Empty when the field holds no usable key.
std::string to_key(const Field& field) {
    if (const auto* whole = std::get_if<std::int64_t>(&field)) return std::to_string(*whole);
    const auto* text = std::get_if<std::string_view>(&field);
    if (text == nullptr || text->size() > key_bytes_max || !is_storable(*text)) return {};
    return std::string(*text);
}

Field find_field(const simdjson::dom::object& object, std::string_view name) {
    simdjson::dom::element element;
    if (object.at_key(name).get(element) != simdjson::SUCCESS) return {};
    switch (element.type()) {
    case simdjson::dom::element_type::NULL_VALUE:
        return {};
    case simdjson::dom::element_type::BOOL:
        return bool(element);
    case simdjson::dom::element_type::INT64:
        return std::int64_t(element);
    case simdjson::dom::element_type::UINT64:
    case simdjson::dom::element_type::DOUBLE:
        return double(element);
    case simdjson::dom::element_type::STRING:
        return std::string_view(element);
    default:
        return OtherField{};
    }
}

Field find_field(const frame::RowReader& row, std::string_view name) {
    const auto found = row.find(name);
    if (!found) return {};
    switch (row.fields()[*found].type) {
    case frame::FieldType::f4:
    case frame::FieldType::f8:
        return row.number(*found);
    case frame::FieldType::i2:
    case frame::FieldType::i4:
    case frame::FieldType::i8:
        return row.integer(*found);
    case frame::FieldType::boolean:
        return row.integer(*found) != 0;
    case frame::FieldType::text:
        return row.text(*found);
    default:
        return OtherField{};
    }
}

} // namespace

DeclaredFields::DeclaredFields(const manifest::Manifest& manifest)
    : input_(manifest.input), position_(manifest.output.position), attributes_(manifest.output.attributes) {}

bool DeclaredFields::declares(std::string_view name) const {
    const auto is_name = [&](const auto& attribute) { return attribute.name == name; };
    return name == input_.key_field || name == input_.time_field ||
           std::find(position_.fields.begin(), position_.fields.end(), name) != position_.fields.end() ||
           std::any_of(attributes_.begin(), attributes_.end(), is_name);
}

template<typename Find>
std::string_view DeclaredFields::read_fields(Find&& find, const InputRecord& record, Point& point) const {
    point.partition = record.partition;
    point.offset = record.offset;
    point.received_us = record.received_us;

    if (input_.key_field.empty())
        point.key = std::to_string(record.partition) + "/" + std::to_string(record.offset);
    else
        point.key = to_key(find(input_.key_field));
    if (point.key.empty()) return reason::bad_key;

    point.time_us = record.time_us.value_or(record.received_us);
    if (!input_.time_field.empty()) {
        const Field field = find(input_.time_field);
        if (!std::holds_alternative<std::monostate>(field)) {
            const Converted time = to_time(field);
            if (!time.reason.empty()) return time.reason;
            point.time_us = std::get<std::int64_t>(time.value);
        }
    }

    for (std::size_t i = 0; i < position_.fields.size(); i++)
        if (const auto reason = read_position(find(position_.fields[i]), i, point); !reason.empty())
            return reason;

    for (const manifest::Attribute& attribute : attributes_) {
        Converted converted = convert(find(attribute.name), attribute.type);
        if (!converted.reason.empty()) return converted.reason;
        point.attributes.push_back(std::move(converted.value));
    }
    return {};
}

std::string_view DeclaredFields::read(const simdjson::dom::object& object, const InputRecord& record,
                                      Point& point) const {
    return read_fields([&](std::string_view name) { return find_field(object, name); }, record, point);
}

std::string_view DeclaredFields::read(const frame::RowReader& row, const InputRecord& record,
                                      Point& point) const {
    return read_fields([&](std::string_view name) { return find_field(row, name); }, record, point);
}

std::string_view DeclaredFields::read_without_fields(const InputRecord& record, Point& point) const {
    return read_fields([](std::string_view) { return Field(); }, record, point);
}

std::string_view DeclaredFields::read_position(const Field& field, std::size_t index, Point& point) const {
    const double latitude_max = 90, longitude_max = 180;
    double limit = std::numeric_limits<double>::max();
    if (position_.kind == manifest::PositionKind::latlon) limit = index == 0 ? latitude_max : longitude_max;
    const Converted coordinate = to_real(field, limit);
    if (!coordinate.reason.empty()) return coordinate.reason;
    point.position.push_back(std::get<double>(coordinate.value));
    return {};
}

std::optional<simdjson::dom::element> parse_json(simdjson::dom::parser& parser, const InputRecord& record) {
    simdjson::dom::element element;
    const auto* text = reinterpret_cast<const char*>(record.bytes.data());
    if (json::has_byte_order_mark({text, record.bytes.size()})) return std::nullopt;
    const auto error = parser.parse(text, record.bytes.size()).get(element);
    if (error == simdjson::MEMALLOC) throw std::bad_alloc();
    if (error != simdjson::SUCCESS) return std::nullopt;
    return element;
}

bool read_numbers(const simdjson::dom::array& array, std::size_t limit, std::vector<double>& to) {
    for (const simdjson::dom::element element : array) {
        double number = 0;
        if (element.get(number) != simdjson::SUCCESS) return false;
        to.push_back(number);
        if (to.size() > limit) break;
    }
    return true;
}

} // namespace soup::processors
