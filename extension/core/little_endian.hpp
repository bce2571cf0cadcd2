// Numbers to and from little-endian bytes, at any alignment. Compiles to plain loads and stores on x86 and
// ARM.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace soup {

template<class T>
concept Number = std::is_arithmetic_v<T> && sizeof(T) <= 8;

template<std::size_t Bytes>
using UnsignedOf =
    std::conditional_t<Bytes == 1, std::uint8_t,
                       std::conditional_t<Bytes == 2, std::uint16_t,
                                          std::conditional_t<Bytes == 4, std::uint32_t, std::uint64_t>>>;

template<Number T>
T load_le(const void* from) noexcept {
    using Raw = UnsignedOf<sizeof(T)>;
    Raw raw;
    std::memcpy(&raw, from, sizeof raw);
    if constexpr (std::endian::native == std::endian::big) {
        Raw swapped = 0;
        for (std::size_t i = 0; i < sizeof raw; ++i)
            swapped = static_cast<Raw>(swapped | ((raw >> (8 * i) & 0xff) << (8 * (sizeof raw - 1 - i))));
        raw = swapped;
    }
    return std::bit_cast<T>(raw);
}

template<Number T>
void store_le(void* to, T value) noexcept {
    using Raw = UnsignedOf<sizeof(T)>;
    const auto raw = std::bit_cast<Raw>(value);
    if constexpr (std::endian::native == std::endian::little) {
        std::memcpy(to, &raw, sizeof raw);
    } else {
        auto* bytes = static_cast<unsigned char*>(to);
        for (std::size_t i = 0; i < sizeof raw; ++i)
            bytes[i] = static_cast<unsigned char>(raw >> (8 * i));
    }
}

} // namespace soup
