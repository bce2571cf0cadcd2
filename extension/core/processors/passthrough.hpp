// The processors passthrough and position: a record that already is a point.
//
// passthrough takes its vector from
//   JSON          the array field "vector" of an object, or a bare array
//   packed row    a field "vector" of bytes holding little-endian float32, else all fields that are numbers
//   and are
//                 not declared as key, time, position or attribute, in the row's order
//   octets        little-endian float32
// position has no vector; its point is a position with attributes.
#pragma once

#include "core/manifest/manifest.hpp"
#include "core/processors/content_type.hpp"
#include "core/processors/declared_fields.hpp"
#include "core/processors/record_processor.hpp"

#include <optional>
#include <string>

namespace soup::processors {

inline constexpr std::string_view vector_field = "vector";

void validate_passthrough(const manifest::Manifest& manifest);
void validate_position(const manifest::Manifest& manifest);

class Passthrough final : public RecordProcessor {
public:
    explicit Passthrough(const manifest::Manifest& manifest);

private:
    std::string_view make_point(const InputRecord& record, Point& point) override;
    std::string_view from_json(const InputRecord& record, Point& point);
    std::string_view from_row(const InputRecord& record, Point& point);
    std::string_view set_vector(Point& point);
    std::string_view set_vector(std::span<const std::byte> floats, Point& point) const;

    DeclaredFields fields_;
    std::size_t dimensions_; ///< 0 for position.
    simdjson::dom::parser parser_;
    std::vector<double> numbers_;

    // Batches of one content type follow each other: the reader of rows is kept.
    std::string content_type_;
    RecordForm form_ = RecordForm::unknown;
    std::optional<frame::RowReader> row_;
};

} // namespace soup::processors
