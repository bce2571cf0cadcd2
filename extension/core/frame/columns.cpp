// Columns bodies: a complete check first, then records made of the rows.
#include "core/frame/columns.hpp"

#include "core/error.hpp"
#include "core/json/time.hpp"
#include "core/frame/columns_layout.hpp"
#include "core/little_endian.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace soup::frame {

namespace {

Error wrong_body(std::string why) {
    return bad_input("columns body is not valid", std::move(why));
}

Error wrong_column(std::string_view name, const char* why) {
    return wrong_body("Column \"" + std::string(name) + "\" " + why + ".");
}

bool is_text(std::span<const std::byte> bytes) {
    const auto* const data = reinterpret_cast<const char*>(bytes.data());
    return bytes.empty() ||
           (simdjson::validate_utf8(data, bytes.size()) && std::memchr(data, 0, bytes.size()) == nullptr);
}

std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::uint32_t length_at(const Column& column, std::size_t row) {
    return load_le<std::uint32_t>(column.lengths.data() + row * columns_layout::length_bytes);
}

bool is_variable(FieldType type) noexcept {
    return type_width(type) == 0;
}

/// Takes buffers from the front of the body; padding must be zero, so that a body has one form.
class Taker {
public:
    explicit Taker(std::span<const std::byte> body) : body_(body) {}

    std::span<const std::byte> take(std::uint64_t count, const char* what) {
        if (body_.size() - at_ < count) throw wrong_body(std::string("It is cut short in ") + what + ".");
        const auto taken = body_.subspan(at_, count);
        at_ += count;
        return taken;
    }
    void align() {
        for (const std::byte byte :
             take((columns_layout::alignment - at_ % columns_layout::alignment) % columns_layout::alignment,
                  "the padding"))
            if (byte != std::byte{0}) throw wrong_body("The padding is not zero.");
    }
    bool is_at_end() const noexcept { return at_ == body_.size(); }

private:
    std::span<const std::byte> body_;
    std::size_t at_ = 0;
};

Column take_directory_entry(Taker& from) {
    const auto head = from.take(2, "the directory");
    const auto type = std::to_integer<std::uint8_t>(head[0]);
    const auto name_bytes = std::to_integer<std::size_t>(head[1]);
    if (type < 1 || type > static_cast<std::uint8_t>(FieldType::text))
        throw wrong_body("A column has the unknown type " + std::to_string(type) + ".");
    const auto name = from.take(name_bytes, "the directory");
    if (name.empty() || name.size() > columns_layout::name_bytes_max || !is_text(name))
        throw wrong_body("A column's name is not 1 to 128 bytes of UTF-8 without NUL.");
    return {as_text(name), static_cast<FieldType>(type), {}, {}};
}

void check_variable(const Column& column, std::size_t row_count) {
    if (column.type != FieldType::text) return;
    std::size_t at = 0;
    // Each value by itself: two halves of a character in neighbouring rows would pass a check of the whole.
    for (std::size_t row = 0; row < row_count; ++row) {
        const std::size_t length = length_at(column, row);
        if (!is_text(column.data.subspan(at, length)))
            throw wrong_column(column.name, "is not UTF-8 without NUL");
        at += length;
    }
}

void check_fixed(const Column& column, std::size_t row_count) {
    if (column.type == FieldType::boolean) {
        for (const std::byte byte : column.data)
            if (std::to_integer<unsigned>(byte) > 1)
                throw wrong_column(column.name, "has a value beside 0 and 1");
    } else if (column.type == FieldType::time) {
        for (std::size_t row = 0; row < row_count; ++row) {
            const auto time = load_le<std::int64_t>(column.data.data() + row * 8);
            if (time < json::time_us_min || time > json::time_us_max)
                throw wrong_column(column.name, "has a time out of range");
        }
    }
}

void take_column(Taker& from, Column& column, std::size_t row_count) {
    from.align();
    if (!is_variable(column.type)) {
        column.data = from.take(row_count * type_width(column.type), "a column");
        check_fixed(column, row_count);
        return;
    }
    column.lengths = from.take(row_count * columns_layout::length_bytes, "the lengths of a column");
    std::uint64_t total = 0; // at most 2^20 rows of 2^32 bytes: cannot wrap
    for (std::size_t row = 0; row < row_count; ++row)
        total += length_at(column, row);
    column.data = from.take(total, "a column");
    check_variable(column, row_count);
}

void check_names(const std::vector<Column>& columns) {
    std::vector<std::string_view> names;
    names.reserve(columns.size());
    for (const Column& column : columns)
        names.push_back(column.name);
    std::sort(names.begin(), names.end());
    const auto twin = std::adjacent_find(names.begin(), names.end());
    if (twin != names.end()) throw wrong_column(*twin, "stands there twice");
    if (std::count_if(columns.begin(), columns.end(),
                      [](const Column& c) { return c.type == FieldType::time; }) > 1)
        throw wrong_body("More than one column has the type time.");
}

/// The rows of all columns but the time, packed one after the other.
std::vector<std::byte> pack_rows(const std::vector<const Column*>& columns, std::size_t row_count,
                                 std::vector<std::size_t>& ends, std::size_t bytes_max) {
    std::size_t total = 0;
    for (const Column* column : columns)
        total += column->data.size() + column->lengths.size();
    if (total > bytes_max)
        throw too_big("a batch exceeds the limit of " + std::to_string(bytes_max) + " bytes");
    std::vector<std::byte> rows(total);
    std::vector<const std::byte*> sources;
    sources.reserve(columns.size());
    for (const Column* column : columns)
        sources.push_back(column->data.data());
    std::byte* to = rows.data();
    for (std::size_t row = 0; row < row_count; ++row) {
        for (std::size_t i = 0; i < columns.size(); ++i) {
            std::size_t length = type_width(columns[i]->type);
            if (length == 0) {
                length = length_at(*columns[i], row);
                store_le(to, static_cast<std::uint32_t>(length));
                to += columns_layout::length_bytes;
            }
            if (length != 0) std::memcpy(to, sources[i], length);
            to += length;
            sources[i] += length;
        }
        ends.push_back(static_cast<std::size_t>(to - rows.data()));
    }
    return rows;
}

} // namespace

std::optional<std::uint32_t> announced_rows(std::span<const std::byte> body) noexcept {
    using namespace columns_layout;
    if (body.size() < header_bytes || std::memcmp(body.data(), magic.data(), magic.size()) != 0) return {};
    return load_le<std::uint32_t>(&body[8]);
}

ColumnsView parse_columns(std::span<const std::byte> body, const Limits& limits) {
    Taker from(body);
    const auto head = from.take(columns_layout::header_bytes, "the header");
    if (std::memcmp(head.data(), columns_layout::magic.data(), columns_layout::magic.size()) != 0)
        throw wrong_body("It does not begin as one.");
    if (load_le<std::uint8_t>(&head[4]) != columns_layout::version)
        throw wrong_body("Its format version is not 1.");
    if (load_le<std::uint8_t>(&head[5]) != 0) throw wrong_body("A reserved byte is not zero.");
    const auto column_count = load_le<std::uint16_t>(&head[6]);
    const auto row_count = load_le<std::uint32_t>(&head[8]);
    if (column_count == 0 || column_count > columns_layout::columns_max)
        throw wrong_body("The number of columns is not from 1 to " +
                         std::to_string(columns_layout::columns_max) + ".");
    if (row_count == 0) throw wrong_body("It has no rows.");
    if (row_count > limits.records_max)
        throw too_big("a batch of " + std::to_string(row_count) + " records exceeds the limit of " +
                      std::to_string(limits.records_max));

    ColumnsView view;
    view.row_count = row_count;
    for (std::size_t i = 0; i < column_count; ++i)
        view.columns.push_back(take_directory_entry(from));
    check_names(view.columns);
    for (Column& column : view.columns)
        take_column(from, column, row_count);
    if (!from.is_at_end()) throw wrong_body("Something follows the last column.");
    return view;
}

ColumnRecords to_records(std::span<const std::byte> body, const Limits& limits) {
    const ColumnsView view = parse_columns(body, limits);
    const Column* time = nullptr;
    std::vector<const Column*> columns;
    for (const Column& column : view.columns) {
        if (column.type == FieldType::time)
            time = &column;
        else
            columns.push_back(&column);
    }
    if (columns.empty()) throw wrong_body("It has no column beside the time.");

    ColumnRecords result;
    std::vector<std::size_t> ends;
    ends.reserve(view.row_count);
    const std::byte* payload = nullptr;
    if (columns.size() == 1 && columns.front()->type == FieldType::bytes) {
        result.content_type = "application/octet-stream";
        payload = columns.front()->data.data();
        std::size_t end = 0;
        for (std::size_t row = 0; row < view.row_count; ++row)
            ends.push_back(end += length_at(*columns.front(), row));
    } else {
        std::vector<RowField> fields;
        fields.reserve(columns.size());
        for (const Column* column : columns)
            fields.push_back({std::string(column->name), column->type});
        result.content_type = make_row_content_type(fields);
        result.storage = pack_rows(columns, view.row_count, ends, limits.content_bytes_max);
        payload = result.storage.data();
    }
    result.records.reserve(view.row_count);
    std::size_t begin = 0;
    for (std::size_t row = 0; row < view.row_count; ++row) {
        Record record{{payload + begin, ends[row] - begin}, std::nullopt};
        if (time != nullptr) record.time_us = load_le<std::int64_t>(time->data.data() + row * 8);
        result.records.push_back(record);
        begin = ends[row];
    }
    return result;
}

} // namespace soup::frame
