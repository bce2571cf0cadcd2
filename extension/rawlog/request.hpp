// What one append asks for, as it came, and the checks that need no table: sizes, characters, counts, JSON.
//
// Limits are checked before anything is allocated for the element. Text has the database's encoding, which is
// UTF-8, and can't hold a NUL; control characters are refused here, since streams stand in keys and log
// lines.
#pragma once

#include "core/frame/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace soup::rawlog {

constexpr std::size_t elements_max = 10'000;         ///< In one append_many.
constexpr std::size_t records_max = 100'000;         ///< In one append: a batch row stays one unit of work.
constexpr std::size_t stream_bytes_max = 800;        ///< As long as a username, the default, can be.
constexpr std::size_t content_type_bytes_max = 4096; ///< Packed rows name their columns in it.
constexpr std::size_t idempotency_key_bytes_max = 200;
constexpr std::string_view content_type_default = "application/octet-stream";

/// Stands for a producer time that is not finite, which no record may have.
constexpr std::int64_t time_not_finite = std::numeric_limits<std::int64_t>::max();

/// Views into the call's arguments. A record or a time may be absent: absent records are refused.
struct Request {
    std::string_view token; ///< Not used by append, whose token is bound before.
    std::optional<std::string_view> model, label, stream, content_type, idempotency_key;
    std::span<const std::optional<std::span<const std::byte>>> records;
    /// Producer times in unix µs; empty, or one for each record.
    std::span<const std::optional<std::int64_t>> times;
};

/// What an append's content type says: of its records, or that its record is a columns body.
struct ContentType {
    bool is_columns_body = false;
    std::string_view of_records;                            ///< If it is none.
    std::optional<std::string_view> of_rows = std::nullopt; ///< If it is one, and the rows' type is given.
};
ContentType read_content_type(const Request& request) noexcept;

/// Refuses what no table is needed for. Throws BAD_INPUT, TOO_BIG.
void check_request(const Request& request);

/// Fills `records` for the frame encoder. Throws BAD_INPUT naming the record.
void collect_records(const Request& request, std::vector<frame::Record>& records);

/// Refuses records that are not what the content type says, as far as that is checked: JSON is. Throws
/// BAD_INPUT naming the record.
void check_records(std::string_view content_type, std::span<const frame::Record> records);

} // namespace soup::rawlog
