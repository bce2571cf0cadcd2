// Key, time, position and attributes of a point, out of the fields of one record: what passthrough, position
// and image_convolution have in common.
//
// A record's fields may stand in a JSON object or a packed row; both come down to Field, and one set of rules
// says what each declared type takes:
//   real, double        number; real within its range           text         string without NUL
//   integer, bigint     whole number within range               boolean      true, false
//   timestamptz         RFC 3339 text, or seconds since 1970    any          null or absent: null
// The key is a string or a whole number; without a key field it is <partition>/<offset>. A position field
// must be there, a finite number, and for latlon within ±90 and ±180.
#pragma once

#include "core/frame/row.hpp"
#include "core/manifest/manifest.hpp"
#include "core/processors/processor.hpp"

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace soup::processors {

/// Longest key; an index entry has to hold it.
inline constexpr std::size_t key_bytes_max = 1024;

/// A field that is there, but of a kind (array, object, bytes) that no declared type takes.
struct OtherField {};
/// monostate: absent or null.
using Field = std::variant<std::monostate, bool, std::int64_t, double, std::string_view, OtherField>;

class DeclaredFields {
public:
    explicit DeclaredFields(const manifest::Manifest& manifest);

    /// Fills everything but the vector, or says why the record can't be used.
    std::string_view read(const simdjson::dom::object& object, const InputRecord& record, Point& point) const;
    std::string_view read(const frame::RowReader& row, const InputRecord& record, Point& point) const;
    /// For a record without fields (opaque bytes, a bare array): its attributes are null.
    std::string_view read_without_fields(const InputRecord& record, Point& point) const;
    /// Whether a field of this name is one of those above, so not part of a vector.
    bool declares(std::string_view name) const;

private:
    template<typename Find>
    std::string_view read_fields(Find&& find, const InputRecord& record, Point& point) const;
    std::string_view read_position(const Field& field, std::size_t index, Point& point) const;

    manifest::Input input_;
    manifest::Position position_;
    std::vector<manifest::Attribute> attributes_;
};

/// The record as a JSON value; nothing when it is none. Valid until the parser's next use.
std::optional<simdjson::dom::element> parse_json(simdjson::dom::parser& parser, const InputRecord& record);

/// Appends the numbers of a JSON array to `to`, at most limit + 1 of them; false if an element is no number.
bool read_numbers(const simdjson::dom::array& array, std::size_t limit, std::vector<double>& to);

} // namespace soup::processors
