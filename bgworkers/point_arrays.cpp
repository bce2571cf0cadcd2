// Points as the arrays of one statement.
//
// The columns of a storage table (sql/machinesoup/71_versions.sql): key, time, source_partition,
// source_offset, received_at; vector; position, and for latlon lat and lon beside it; a1 … an. A vector datum
// is laid out here as extension/vector/vector.hpp documents: machinesoup doesn't link soupvec.
#include "bgworkers/point_arrays.hpp"

#include "boundary/memory.hpp"
#include "core/geodesy/earth.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace soup::workers {

namespace {

using manifest::AttributeType;
using manifest::PositionKind;
using processors::Point;

constexpr pg::ElementType boolean_elements{BOOLOID, sizeof(bool), true, TYPALIGN_CHAR};

/// The vector type's datum without its elements.
struct VectorHead {
    std::int32_t header;
    std::int16_t dimensions;
    std::int16_t unused;
};
static_assert(sizeof(VectorHead) == 8);

/// Variable-length datums, laid out one after the other in one piece of memory.
class DatumArena {
public:
    explicit DatumArena(std::size_t bytes)
        : next_(static_cast<char*>(pg::allocate_bytes(CurrentMemoryContext, bytes))) {}

    static std::size_t text_bytes(std::string_view text) { return INTALIGN(VARHDRSZ + text.size()); }
    static std::size_t vector_bytes(std::size_t dimensions) {
        return sizeof(VectorHead) + dimensions * sizeof(float);
    }

    Datum text(std::string_view text) {
        SET_VARSIZE(next_, VARHDRSZ + text.size());
        std::memcpy(VARDATA(next_), text.data(), text.size());
        return take(text_bytes(text));
    }
    template<class T>
    Datum vector(std::span<const T> elements) {
        auto* head = reinterpret_cast<VectorHead*>(next_);
        const std::size_t bytes = vector_bytes(elements.size());
        head->dimensions = static_cast<std::int16_t>(elements.size());
        head->unused = 0;
        SET_VARSIZE(head, bytes);
        auto* floats = reinterpret_cast<float*>(head + 1);
        std::transform(elements.begin(), elements.end(), floats,
                       [](T element) { return static_cast<float>(element); });
        return take(bytes);
    }

private:
    Datum take(std::size_t bytes) {
        const Datum datum = PointerGetDatum(next_);
        next_ += bytes;
        return datum;
    }
    char* next_;
};

/// One column of the statement, filled row by row.
class Column {
public:
    Column(const pg::ElementType& type, std::size_t rows)
        : type_(type), values_(rows), is_null_(std::make_unique<bool[]>(rows)) {}

    void set(std::size_t row, Datum value) { values_[row] = value; }
    void set_null(std::size_t row) { is_null_[row] = true; }
    Datum array() const { return pg::make_array(values_, {is_null_.get(), values_.size()}, type_); }

private:
    pg::ElementType type_;
    std::vector<Datum> values_;
    std::unique_ptr<bool[]> is_null_;
};

bool is_utf8(std::string_view text) {
    return text.find('\0') == std::string_view::npos &&
           pg_verify_mbstr_len(PG_UTF8, text.data(), static_cast<int>(text.size()), true) >= 0;
}

bool is_time(std::int64_t unix_us) noexcept {
    return unix_us >= MIN_TIMESTAMP + pg::unix_epoch_shift_us &&
           unix_us < END_TIMESTAMP - pg::unix_epoch_shift_us;
}

template<class T>
bool is_finite(const std::vector<T>& numbers) noexcept {
    return std::all_of(numbers.begin(), numbers.end(),
                       [](T number) { return std::isfinite(static_cast<float>(number)); });
}

std::string_view refused_value(AttributeType type, const processors::Value& value) {
    using namespace processors::reason;
    if (const auto* text = std::get_if<std::string>(&value)) {
        if (!is_utf8(*text)) return bad_record;
    } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
        if (type == AttributeType::timestamptz && !is_time(*number)) return out_of_range;
        if (type == AttributeType::integer && static_cast<std::int32_t>(*number) != *number)
            return out_of_range;
    }
    return {};
}

void set_attribute(Column& column, std::size_t row, AttributeType type, const processors::Value& value,
                   DatumArena& arena) {
    if (std::holds_alternative<std::monostate>(value)) {
        column.set_null(row);
        return;
    }
    switch (type) {
    case AttributeType::real:
        column.set(row, Float4GetDatum(static_cast<float>(std::get<double>(value))));
        return;
    case AttributeType::double_precision:
        column.set(row, Float8GetDatum(std::get<double>(value)));
        return;
    case AttributeType::integer:
        column.set(row, Int32GetDatum(static_cast<std::int32_t>(std::get<std::int64_t>(value))));
        return;
    case AttributeType::bigint:
        column.set(row, Int64GetDatum(std::get<std::int64_t>(value)));
        return;
    case AttributeType::boolean:
        column.set(row, BoolGetDatum(std::get<bool>(value)));
        return;
    case AttributeType::text:
        column.set(row, arena.text(std::get<std::string>(value)));
        return;
    case AttributeType::timestamptz:
        column.set(row, TimestampTzGetDatum(pg::from_unix_us(std::get<std::int64_t>(value))));
        return;
    }
}

std::size_t arena_bytes(const std::vector<Point>& points, PositionKind kind) {
    std::size_t bytes = MAXIMUM_ALIGNOF;
    for (const Point& point : points) {
        bytes += DatumArena::text_bytes(point.key) + DatumArena::vector_bytes(point.vector.size()) +
                 DatumArena::vector_bytes(kind == PositionKind::latlon ? 3 : point.position.size());
        for (const processors::Value& value : point.attributes)
            if (const auto* text = std::get_if<std::string>(&value)) bytes += DatumArena::text_bytes(*text);
    }
    return bytes;
}

pg::ElementType elements_of(AttributeType type) {
    switch (type) {
    case AttributeType::real:
        return pg::float4_elements;
    case AttributeType::double_precision:
        return pg::float8_elements;
    case AttributeType::integer:
        return pg::int4_elements;
    case AttributeType::bigint:
        return pg::int8_elements;
    case AttributeType::boolean:
        return boolean_elements;
    case AttributeType::text:
        return pg::text_elements;
    case AttributeType::timestamptz:
        return pg::timestamptz_elements;
    }
    throw std::logic_error("unknown attribute type");
}

} // namespace

std::string_view refusal(const Point& point, const manifest::Output& output) {
    using namespace processors::reason;
    if (!is_utf8(point.key)) return bad_key;
    if (point.time_us && !is_time(*point.time_us)) return out_of_range;
    if (!is_finite(point.vector) || !is_finite(point.position)) return out_of_range;
    if (point.vector.size() != static_cast<std::size_t>(output.vector) ||
        point.position.size() != output.position.fields.size() ||
        point.attributes.size() != output.attributes.size())
        throw std::logic_error("a processor made a point of another shape than its manifest declares");
    for (std::size_t a = 0; a < output.attributes.size(); ++a)
        if (auto reason = refused_value(output.attributes[a].type, point.attributes[a]); !reason.empty())
            return reason;
    return {};
}

std::vector<StorageColumn> storage_columns(const manifest::Output& output,
                                           const pg::ElementType& vector_elements) {
    std::vector<StorageColumn> columns{{"key", pg::text_elements},
                                       {"time", pg::timestamptz_elements},
                                       {"source_partition", pg::int4_elements},
                                       {"source_offset", pg::int8_elements},
                                       {"received_at", pg::timestamptz_elements}};
    if (output.vector > 0) columns.push_back({"vector", vector_elements});
    if (output.position.kind != PositionKind::none) columns.push_back({"position", vector_elements});
    if (output.position.kind == PositionKind::latlon) {
        columns.push_back({"lat", pg::float8_elements});
        columns.push_back({"lon", pg::float8_elements});
    }
    for (std::size_t a = 0; a < output.attributes.size(); ++a)
        columns.push_back({"a" + std::to_string(a + 1), elements_of(output.attributes[a].type)});
    return columns;
}

std::vector<Datum> build_arrays(const std::vector<Point>& points, const manifest::Output& output,
                                const pg::ElementType& vector_elements) {
    const std::size_t rows = points.size();
    DatumArena arena(arena_bytes(points, output.position.kind));
    Column keys(pg::text_elements, rows), times(pg::timestamptz_elements, rows),
        partitions(pg::int4_elements, rows), offsets(pg::int8_elements, rows),
        received(pg::timestamptz_elements, rows);
    for (std::size_t row = 0; row < rows; ++row) {
        const Point& point = points[row];
        keys.set(row, arena.text(point.key));
        if (point.time_us)
            times.set(row, TimestampTzGetDatum(pg::from_unix_us(*point.time_us)));
        else
            times.set_null(row);
        partitions.set(row, Int32GetDatum(point.partition));
        offsets.set(row, Int64GetDatum(point.offset));
        received.set(row, TimestampTzGetDatum(pg::from_unix_us(point.received_us)));
    }
    std::vector<Datum> arrays{keys.array(), times.array(), partitions.array(), offsets.array(),
                              received.array()};
    if (output.vector > 0) {
        Column vectors(vector_elements, rows);
        for (std::size_t row = 0; row < rows; ++row)
            vectors.set(row, arena.vector(std::span<const float>(points[row].vector)));
        arrays.push_back(vectors.array());
    }
    if (output.position.kind != PositionKind::none) {
        const bool is_latlon = output.position.kind == PositionKind::latlon;
        Column positions(vector_elements, rows);
        Column latitudes(pg::float8_elements, rows), longitudes(pg::float8_elements, rows);
        for (std::size_t row = 0; row < rows; ++row) {
            const std::vector<double>& place = points[row].position;
            if (is_latlon) {
                const geodesy::Metres metres = geodesy::earth_centred(place[0], place[1]);
                positions.set(row, arena.vector(std::span<const double>(metres)));
                latitudes.set(row, Float8GetDatum(place[0]));
                longitudes.set(row, Float8GetDatum(place[1]));
            } else
                positions.set(row, arena.vector(std::span<const double>(place)));
        }
        arrays.push_back(positions.array());
        if (is_latlon) {
            arrays.push_back(latitudes.array());
            arrays.push_back(longitudes.array());
        }
    }
    for (std::size_t a = 0; a < output.attributes.size(); ++a) {
        const AttributeType type = output.attributes[a].type;
        Column column(elements_of(type), rows);
        for (std::size_t row = 0; row < rows; ++row)
            set_attribute(column, row, type, points[row].attributes[a], arena);
        arrays.push_back(column.array());
    }
    return arrays;
}

} // namespace soup::workers
