// Variable-length integers of the raw frame: LEB128, least significant seven bits first, shortest form only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace soup::frame {

inline constexpr std::size_t varint_bytes_max = 10;

inline std::byte* put_varint(std::byte* to, std::uint64_t value) noexcept {
    while (value >= 0x80) {
        *to++ = static_cast<std::byte>(value | 0x80);
        value >>= 7;
    }
    *to++ = static_cast<std::byte>(value);
    return to;
}

inline std::size_t varint_bytes(std::uint64_t value) noexcept {
    std::size_t bytes = 1;
    while (value >>= 7)
        ++bytes;
    return bytes;
}

/// Advances `at`; false when the bytes end early, the value passes 64 bits, or a shorter form exists.
inline bool take_varint(const std::byte*& at, const std::byte* end, std::uint64_t& value) noexcept {
    std::uint64_t result = 0;
    for (unsigned shift = 0; shift < 64 && at != end; shift += 7) {
        const auto byte = static_cast<std::uint8_t>(*at++);
        if (shift == 63 && byte > 1) return false;
        result |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) {
            if (byte == 0 && shift != 0) return false;
            value = result;
            return true;
        }
    }
    return false;
}

/// Signed to unsigned so that small numbers of either sign stay short.
inline std::uint64_t zigzag(std::uint64_t wrapped) noexcept {
    return wrapped << 1 ^ (wrapped >> 63 != 0 ? ~std::uint64_t{0} : 0);
}
inline std::uint64_t unzigzag(std::uint64_t value) noexcept {
    return value >> 1 ^ ((value & 1) != 0 ? ~std::uint64_t{0} : 0);
}

} // namespace soup::frame
