// The request body application/vnd.soup.columns: columns of typed arrays, and what becomes of them.
//
// Row i of all columns is record i. A producer that counts microseconds sends its arrays as they lie in
// memory, little-endian; every buffer is checked completely before the first value is used. FORMAT.md has the
// bytes.
#pragma once

#include "core/frame/frame.hpp"
#include "core/frame/row.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace soup::frame {

inline constexpr std::string_view columns_content_type = "application/vnd.soup.columns";

/// One column of a checked body; `data` and `lengths` point into the body.
struct Column {
    std::string_view name;
    FieldType type;
    std::span<const std::byte> data;    ///< row_count values, or the joined bytes of bytes and text
    std::span<const std::byte> lengths; ///< row_count u4, for bytes and text only
};

/// A view of a checked columns body; it does not own the bytes.
struct ColumnsView {
    std::size_t row_count = 0;
    std::vector<Column> columns;
};

/// The number of rows that a body's header states, for whoever passes bodies on and only counts; nothing if
/// it is no header. Whether the rows are there is for parse_columns to say.
std::optional<std::uint32_t> announced_rows(std::span<const std::byte> body) noexcept;

/// Throws BAD_INPUT (or TOO_BIG) naming the column; limits are checked before anything is allocated.
ColumnsView parse_columns(std::span<const std::byte> body, const Limits& limits = {});

/// Records made of a columns body. They point into `storage`, or into the body itself when its only column
/// beside the time is `bytes`: the body must outlive them.
struct ColumnRecords {
    std::string content_type; ///< of the batch: application/octet-stream or application/vnd.soup.row;fields=…
    std::vector<Record> records;
    std::vector<std::byte> storage;
};
ColumnRecords to_records(std::span<const std::byte> body, const Limits& limits = {});

/// Writes a columns body, for clients, tests and benches. All columns must have the same number of rows.
class ColumnsWriter {
public:
    void add_f4(std::string_view name, std::span<const float> values);
    void add_f8(std::string_view name, std::span<const double> values);
    void add_i2(std::string_view name, std::span<const std::int16_t> values);
    void add_i4(std::string_view name, std::span<const std::int32_t> values);
    void add_i8(std::string_view name, std::span<const std::int64_t> values);
    void add_boolean(std::string_view name, const std::vector<bool>& values);
    void add_time(std::string_view name, std::span<const std::int64_t> unix_us);
    void add_bytes(std::string_view name, std::span<const std::string_view> values);
    void add_text(std::string_view name, std::span<const std::string_view> values);
    /// Throws BAD_INPUT when the columns differ in length or there is none.
    std::vector<std::byte> finish() const;

private:
    struct Pending {
        std::string name;
        FieldType type;
        std::size_t row_count;
        std::vector<std::byte> data; ///< as it stands in the body
    };
    void add_fixed(std::string_view name, FieldType type, const void* values, std::size_t count);
    void add_variable(std::string_view name, FieldType type, std::span<const std::string_view> values);
    std::vector<Pending> columns_;
};

} // namespace soup::frame
