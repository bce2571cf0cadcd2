// Random bytes from the kernel, through libsodium.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace soup::crypto {

void fill_random(std::span<std::uint8_t> bytes);

template<std::size_t N>
std::array<std::uint8_t, N> random_bytes() {
    std::array<std::uint8_t, N> bytes;
    fill_random(bytes);
    return bytes;
}

} // namespace soup::crypto
