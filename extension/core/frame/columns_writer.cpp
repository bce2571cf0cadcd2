// Writes columns bodies.
#include "core/frame/columns.hpp"

#include "core/error.hpp"
#include "core/frame/columns_layout.hpp"
#include "core/little_endian.hpp"

#include <bit>
#include <cstring>

namespace soup::frame {

void ColumnsWriter::add_fixed(std::string_view name, FieldType type, const void* values, std::size_t count) {
    Pending column{std::string(name), type, count, {}};
    const std::size_t width = type_width(type);
    column.data.resize(count * width);
    const auto* from = static_cast<const unsigned char*>(values);
    for (std::size_t i = 0; i < column.data.size(); i += width) {
        // Bytes of one number, reversed on a big-endian machine.
        for (std::size_t b = 0; b < width; ++b)
            column.data[i + b] = static_cast<std::byte>(
                from[std::endian::native == std::endian::little ? i + b : i + width - 1 - b]);
    }
    columns_.push_back(std::move(column));
}

void ColumnsWriter::add_variable(std::string_view name, FieldType type,
                                 std::span<const std::string_view> values) {
    Pending column{std::string(name), type, values.size(), {}};
    column.data.resize(values.size() * columns_layout::length_bytes);
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i].size() > UINT32_MAX) throw too_big("a value is longer than 4 GiB");
        store_le(&column.data[i * columns_layout::length_bytes],
                 static_cast<std::uint32_t>(values[i].size()));
    }
    for (const std::string_view value : values) {
        const auto bytes = std::as_bytes(std::span(value));
        column.data.insert(column.data.end(), bytes.begin(), bytes.end());
    }
    columns_.push_back(std::move(column));
}

void ColumnsWriter::add_f4(std::string_view name, std::span<const float> values) {
    add_fixed(name, FieldType::f4, values.data(), values.size());
}
void ColumnsWriter::add_f8(std::string_view name, std::span<const double> values) {
    add_fixed(name, FieldType::f8, values.data(), values.size());
}
void ColumnsWriter::add_i2(std::string_view name, std::span<const std::int16_t> values) {
    add_fixed(name, FieldType::i2, values.data(), values.size());
}
void ColumnsWriter::add_i4(std::string_view name, std::span<const std::int32_t> values) {
    add_fixed(name, FieldType::i4, values.data(), values.size());
}
void ColumnsWriter::add_i8(std::string_view name, std::span<const std::int64_t> values) {
    add_fixed(name, FieldType::i8, values.data(), values.size());
}
void ColumnsWriter::add_boolean(std::string_view name, const std::vector<bool>& values) {
    std::vector<std::uint8_t> bytes(values.begin(), values.end());
    add_fixed(name, FieldType::boolean, bytes.data(), bytes.size());
}
void ColumnsWriter::add_time(std::string_view name, std::span<const std::int64_t> unix_us) {
    add_fixed(name, FieldType::time, unix_us.data(), unix_us.size());
}
void ColumnsWriter::add_bytes(std::string_view name, std::span<const std::string_view> values) {
    add_variable(name, FieldType::bytes, values);
}
void ColumnsWriter::add_text(std::string_view name, std::span<const std::string_view> values) {
    add_variable(name, FieldType::text, values);
}

std::vector<std::byte> ColumnsWriter::finish() const {
    if (columns_.empty() || columns_.size() > columns_layout::columns_max)
        throw bad_input("columns body needs 1 to 1024 columns");
    const std::size_t row_count = columns_.front().row_count;
    if (row_count == 0 || row_count > UINT32_MAX) throw bad_input("columns body needs at least one row");
    std::vector<std::byte> body(columns_layout::header_bytes);
    std::memcpy(body.data(), columns_layout::magic.data(), columns_layout::magic.size());
    store_le(&body[4], columns_layout::version);
    store_le(&body[6], static_cast<std::uint16_t>(columns_.size()));
    store_le(&body[8], static_cast<std::uint32_t>(row_count));
    for (const Pending& column : columns_) {
        if (column.row_count != row_count) throw bad_input("columns differ in their number of rows");
        if (column.name.empty() || column.name.size() > columns_layout::name_bytes_max)
            throw bad_input("column name must have 1 to 128 bytes");
        body.push_back(static_cast<std::byte>(column.type));
        body.push_back(static_cast<std::byte>(column.name.size()));
        const auto name = std::as_bytes(std::span(column.name));
        body.insert(body.end(), name.begin(), name.end());
    }
    for (const Pending& column : columns_) {
        body.resize((body.size() + columns_layout::alignment - 1) / columns_layout::alignment *
                    columns_layout::alignment);
        body.insert(body.end(), column.data.begin(), column.data.end());
    }
    return body;
}

} // namespace soup::frame
