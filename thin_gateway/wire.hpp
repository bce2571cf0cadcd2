// Numbers as PostgreSQL's binary formats write them (big-endian), and a reader that never runs over.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace soup::gateway::wire {

/// timestamptz counts microseconds from 2000-01-01; this is that day in microseconds from 1970-01-01.
inline constexpr std::int64_t epoch_2000_us = 946'684'800'000'000;

/// The server's answer does not have the announced form.
struct Malformed : std::runtime_error {
    Malformed() : std::runtime_error("malformed binary value from the server") {}
};

template<class Integer>
Integer big_endian(Integer value) {
    static_assert(std::endian::native == std::endian::little && std::is_integral_v<Integer>);
    if constexpr (sizeof(Integer) == 2) return static_cast<Integer>(__builtin_bswap16(value));
    if constexpr (sizeof(Integer) == 4) return static_cast<Integer>(__builtin_bswap32(value));
    if constexpr (sizeof(Integer) == 8) return static_cast<Integer>(__builtin_bswap64(value));
    return value;
}

template<class Integer>
void append(std::string& out, Integer value) {
    value = big_endian(value);
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

class Reader {
public:
    explicit Reader(std::string_view bytes) : bytes_(bytes) {}

    template<class Integer>
    Integer integer() {
        Integer value;
        std::memcpy(&value, take(sizeof value).data(), sizeof value);
        return big_endian(value);
    }
    float float4() { return std::bit_cast<float>(integer<std::int32_t>()); }
    double float8() { return std::bit_cast<double>(integer<std::int64_t>()); }
    std::string_view take(std::size_t count) {
        if (count > bytes_.size()) throw Malformed();
        const auto taken = bytes_.substr(0, count);
        bytes_.remove_prefix(count);
        return taken;
    }
    std::string_view rest() { return take(bytes_.size()); }
    bool is_empty() const { return bytes_.empty(); }

private:
    std::string_view bytes_;
};

} // namespace soup::gateway::wire
