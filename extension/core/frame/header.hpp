// Where the fields of a raw frame's header stand; shared by the encoder and the decoder only.
#pragma once

#include "core/crypto/blake2bp.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace soup::frame {

// The first byte is no ASCII and no UTF-8 lead, so that a frame is never taken for text.
inline constexpr std::array<std::uint8_t, 4> frame_magic = {0xf5, 'S', 'R', 'B'};
inline constexpr std::uint8_t frame_version = 1;

/// Bits of the flags byte. A set bit that a reader does not know changes what the content means: refused.
/// flag_times: producer times follow the lengths. flag_some_times: not every record has one, a bitmap
/// precedes the times; only with flag_times. flag_one_length: all records have the same length, which is
/// written once.
inline constexpr unsigned flag_times = 1;
inline constexpr unsigned flag_some_times = 2;
inline constexpr unsigned flag_one_length = 4;
inline constexpr unsigned known_flags = flag_times | flag_some_times | flag_one_length;

enum HeaderAt : std::size_t {
    at_magic = 0,
    at_version = 4,
    at_flags = 5,
    at_codec = 6,
    at_zero = 7,
    at_record_count = 8,
    at_content_bytes = 12,
    at_field_bytes = 16,
    at_stored_bytes = 20,
    at_digest = 24,
    header_bytes = 56,
};

/// The digest covers bytes 4–19 with the codec as 0, then the extension area, then the content, so that it is
/// the same whatever the compression.
inline constexpr std::size_t digest_prefix_bytes = at_stored_bytes - at_version;

/// From here on four BLAKE2b side by side cost less than one; below, five last blocks cost more.
inline constexpr std::size_t digest_parallel_bytes_min = 4096;

inline crypto::Digest content_digest(std::span<const std::byte> digested) {
    return digested.size() < digest_parallel_bytes_min ? crypto::digest(digested)
                                                       : crypto::parallel_digest(digested);
}

} // namespace soup::frame
