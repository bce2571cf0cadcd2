// Sizes and constants of the columns body, shared by its reader and its writer only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace soup::frame::columns_layout {

inline constexpr std::array<std::uint8_t, 4> magic = {'S', 'C', 'O', 'L'};
inline constexpr std::uint8_t version = 1;
inline constexpr std::size_t header_bytes = 12;
inline constexpr std::size_t columns_max = 1024;
inline constexpr std::size_t name_bytes_max = 128;
inline constexpr std::size_t alignment =
    8; ///< Of every buffer from the body's begin: arrays are usable in place.
inline constexpr std::size_t length_bytes = 4;

} // namespace soup::frame::columns_layout
