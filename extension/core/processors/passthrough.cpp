// See passthrough.hpp.
#include "core/processors/passthrough.hpp"

#include "core/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace soup::processors {
namespace {

/// "vector" is the name of the vector's own field in every form of record.
void refuse_field_named_vector(const manifest::Manifest& manifest) {
    if (DeclaredFields(manifest).declares(vector_field))
        throw bad_input(
            "/output/attributes: no declared field can be named \"vector\", which is the vector's own");
}

/// None when the content type is malformed.
std::optional<frame::RowReader> row_reader(std::string_view content_type) {
    try {
        return frame::RowReader(content_type);
    } catch (const Error&) {
        return std::nullopt;
    }
}

} // namespace

void validate_passthrough(const manifest::Manifest& manifest) {
    if (manifest.output.vector < 1) throw bad_input("/output/vector: must be at least 1 for passthrough");
    refuse_field_named_vector(manifest);
}

void validate_position(const manifest::Manifest& manifest) {
    if (manifest.output.vector != 0)
        throw bad_input(
            "/output/vector: must be null for position; passthrough gives both vector and position");
    if (manifest.output.position.kind == manifest::PositionKind::none)
        throw bad_input("/output/position: must be declared for position");
}

Passthrough::Passthrough(const manifest::Manifest& manifest)
    : fields_(manifest), dimensions_(static_cast<std::size_t>(manifest.output.vector)) {}

std::string_view Passthrough::make_point(const InputRecord& record, Point& point) {
    if (record.content_type != content_type_) {
        content_type_ = record.content_type;
        form_ = record_form(content_type_);
        row_ = form_ == RecordForm::packed_row ? row_reader(content_type_) : std::nullopt;
        if (form_ == RecordForm::packed_row && !row_) form_ = RecordForm::unknown;
    }
    switch (form_) {
    case RecordForm::json:
        return from_json(record, point);
    case RecordForm::packed_row:
        return from_row(record, point);
    case RecordForm::opaque:
        if (dimensions_ == 0) return reason::wrong_type;
        if (const auto reason = set_vector(record.bytes, point); !reason.empty()) return reason;
        return fields_.read_without_fields(record, point);
    case RecordForm::unknown:
        break;
    }
    return reason::wrong_type;
}

std::string_view Passthrough::from_json(const InputRecord& record, Point& point) {
    const auto value = parse_json(parser_, record);
    if (!value) return reason::bad_record;
    simdjson::dom::object object;
    simdjson::dom::array array;
    const bool is_object = value->get(object) == simdjson::SUCCESS;
    if (dimensions_ > 0) {
        const auto found = is_object ? object.at_key(vector_field).get(array) : value->get(array);
        if (found != simdjson::SUCCESS) return reason::bad_record;
        numbers_.clear();
        if (!read_numbers(array, dimensions_, numbers_)) return reason::bad_record;
        if (const auto reason = set_vector(point); !reason.empty()) return reason;
    }
    if (is_object) return fields_.read(object, record, point);
    return dimensions_ > 0 ? fields_.read_without_fields(record, point) : reason::bad_record;
}

std::string_view Passthrough::from_row(const InputRecord& record, Point& point) {
    try {
        row_->read(record.bytes);
    } catch (const Error&) {
        return reason::bad_record;
    }
    if (dimensions_ > 0) {
        const auto field = row_->find(vector_field);
        std::string_view reason;
        if (field && row_->fields()[*field].type == frame::FieldType::bytes) {
            reason = set_vector(row_->bytes(*field), point);
        } else {
            numbers_.clear();
            for (std::size_t f = 0; f < row_->fields().size(); f++)
                if (row_->is_number(f) && !fields_.declares(row_->fields()[f].name))
                    numbers_.push_back(row_->number(f));
            reason = set_vector(point);
        }
        if (!reason.empty()) return reason;
    }
    return fields_.read(*row_, record, point);
}

/// From numbers_.
std::string_view Passthrough::set_vector(Point& point) {
    if (numbers_.size() != dimensions_) return reason::wrong_size;
    point.vector.reserve(dimensions_);
    for (const double number : numbers_) {
        if (!std::isfinite(number)) return reason::bad_record;
        if (std::abs(number) > static_cast<double>(std::numeric_limits<float>::max()))
            return reason::out_of_range;
        point.vector.push_back(static_cast<float>(number));
    }
    return {};
}

std::string_view Passthrough::set_vector(std::span<const std::byte> floats, Point& point) const {
    if (floats.size() != dimensions_ * sizeof(float)) return reason::wrong_size;
    point.vector.resize(dimensions_);
    std::memcpy(point.vector.data(), floats.data(), floats.size());
    const auto is_finite = [](float value) { return std::isfinite(value); };
    return std::all_of(point.vector.begin(), point.vector.end(), is_finite) ? std::string_view()
                                                                            : reason::bad_record;
}

} // namespace soup::processors
