// Packed rows: one record made of one row of a columns body, little-endian and without padding.
//
// Which fields a row has, in which order, is kept once per batch in its content type, for example
//   application/vnd.soup.row;fields=value:f8,temp:f4
// so that a record costs no bytes for names. Names are percent-escaped. FORMAT.md has the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace soup::frame {

inline constexpr std::string_view row_content_type = "application/vnd.soup.row";

/// Stored in column directories: never renumber.
enum class FieldType : std::uint8_t {
    f4 = 1, ///< IEEE 754 single
    f8 = 2, ///< IEEE 754 double
    i2 = 3,
    i4 = 4,
    i8 = 5,
    boolean = 6, ///< one byte, 0 or 1
    time = 7,    ///< i8, microseconds since 1970-01-01 UTC; columns bodies only
    bytes = 8,   ///< length as u4, then the bytes
    text = 9,    ///< as bytes, UTF-8 without NUL
};

std::string_view type_name(FieldType type) noexcept; ///< "f4", …, "bool", "time", "bytes", "text"
std::optional<FieldType> type_from_name(std::string_view name) noexcept;
/// Width in bytes; 0 for bytes and text.
std::size_t type_width(FieldType type) noexcept;

struct RowField {
    std::string name;
    FieldType type;
};

/// "application/vnd.soup.row;fields=…".
std::string make_row_content_type(std::span<const RowField> fields);

/// True when the content type is that of packed rows (parameters are not looked at).
bool is_row_content_type(std::string_view content_type) noexcept;

/// Reads packed rows of one content type, one after the other. Throws BAD_INPUT for a malformed content type
/// (constructor) or row (read). Values are valid until the next read() and as long as the row's bytes live.
class RowReader {
public:
    explicit RowReader(std::string_view content_type);

    const std::vector<RowField>& fields() const noexcept { return fields_; }
    std::optional<std::size_t> find(std::string_view name) const noexcept;

    /// Checks the whole row: exact length, booleans 0 or 1, text valid UTF-8 without NUL.
    void read(std::span<const std::byte> row);

    bool is_number(std::size_t field) const noexcept;                   ///< f4, f8, i2, i4, i8 or boolean
    double number(std::size_t field) const noexcept;                    ///< of a field for which is_number()
    std::int64_t integer(std::size_t field) const noexcept;             ///< of i2, i4, i8, boolean
    std::span<const std::byte> bytes(std::size_t field) const noexcept; ///< of bytes and text
    std::string_view text(std::size_t field) const noexcept;            ///< of bytes and text

private:
    std::vector<RowField> fields_;
    std::vector<std::uint32_t>
        begins_; ///< Where each field's value begins (after the length of bytes, text).
    std::vector<std::uint32_t> lengths_;
    std::size_t fixed_bytes_ = 0; ///< Row length when no field is variable, else 0.
    const std::byte* row_ = nullptr;
};

} // namespace soup::frame
