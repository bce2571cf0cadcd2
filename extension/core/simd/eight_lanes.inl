// Kernels in the compiler's own vectors of eight floats, which it makes of whatever registers a set has: what
// they compute is the same bit for bit on all of them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace soup::simd {
namespace {

typedef float Eight __attribute__((vector_size(32)));
typedef std::int32_t EightWhole __attribute__((vector_size(32)));
typedef std::int16_t SixteenShort __attribute__((vector_size(32)));
typedef std::uint8_t SixteenBytes __attribute__((vector_size(16)));

// By reference: how such a vector would be passed depends on the set.
inline void load(const float* from, Eight& to) noexcept {
    __builtin_memcpy(&to, from, sizeof to);
}
inline void store(const Eight& from, float* to) noexcept {
    __builtin_memcpy(to, &from, sizeof from);
}

/// The three stages within eight lanes: x ± its neighbour, the signs in the multiplier.
inline void transform_lanes(Eight& x) noexcept {
    constexpr Eight one{1, -1, 1, -1, 1, -1, 1, -1}, two{1, 1, -1, -1, 1, 1, -1, -1},
        four{1, 1, 1, 1, -1, -1, -1, -1};
    x = __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6) + x * one;
    x = __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5) + x * two;
    x = __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3) + x * four;
}

/// Two stages at once over four vectors that lie `half`, 2 · half and 3 · half apart.
inline void butterfly_of_four(float* x, std::size_t half) noexcept {
    Eight a, b, c, d;
    load(x, a);
    load(x + half, b);
    load(x + 2 * half, c);
    load(x + 3 * half, d);
    const Eight ab = a + b, a_b = a - b, cd = c + d, c_d = c - d;
    store(ab + cd, x);
    store(a_b + c_d, x + half);
    store(ab - cd, x + 2 * half);
    store(a_b - c_d, x + 3 * half);
}

inline void hadamard(float* x, std::size_t n) noexcept {
    for (std::size_t i = 0; i < n; i += 8) {
        Eight some;
        load(x + i, some);
        transform_lanes(some);
        store(some, x + i);
    }
    std::size_t half = 8;
    for (; half * 2 < n; half *= 4)
        for (std::size_t i = 0; i < n; i += 4 * half)
            for (std::size_t j = i; j < i + half; j += 8)
                butterfly_of_four(x + j, half);
    if (half < n)
        for (std::size_t j = 0; j < half; j += 8) {
            Eight a, b;
            load(x + j, a);
            load(x + j + half, b);
            store(a + b, x + j);
            store(a - b, x + j + half);
        }
}

inline void store_bytes(const SixteenShort& whole, std::uint8_t* to) noexcept {
    const SixteenBytes bytes = __builtin_convertvector(whole, SixteenBytes);
    __builtin_memcpy(to, &bytes, sizeof bytes);
}

/// 2 · steps · q to the nearest whole number, of eight coordinates.
inline void count_steps(const float* q, float steps, std::int32_t* whole) noexcept {
    Eight x;
    load(q, x);
    x = x * (2 * steps);
    const Eight half = x < 0 ? Eight{} - 0.5f : Eight{} + 0.5f;
    const EightWhole nearest = __builtin_convertvector(x + half, EightWhole);
    __builtin_memcpy(whole, &nearest, sizeof nearest);
}

inline void fill_tables(const float* point, std::size_t groups, float steps, std::uint8_t* high,
                        std::uint8_t* low) noexcept {
    constexpr SixteenShort first{0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1},
        second{0, 0, -1, -1, 0, 0, -1, -1, 0, 0, -1, -1, 0, 0, -1, -1},
        third{0, 0, 0, 0, -1, -1, -1, -1, 0, 0, 0, 0, -1, -1, -1, -1},
        fourth{0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1};
    constexpr std::size_t place[4] = {0, 32, 16, 48};
    for (std::size_t group = 0; group < groups; group += 2) {
        std::int32_t whole[8];
        count_steps(point + group * 4, steps, whole);
        for (std::size_t i = 0; i < 2; ++i) {
            // The lowest entry, whose signs are those against q, is 0; the first has all signs -.
            int lowest = 0;
            SixteenShort each[4];
            for (std::size_t j = 0; j < 4; ++j) {
                const int change = whole[i * 4 + j];
                lowest -= change < 0 ? change : 0;
                each[j] = SixteenShort{} + static_cast<std::int16_t>(change);
            }
            const SixteenShort sums = (first & each[0]) + (second & each[1]) + (third & each[2]) +
                                      (fourth & each[3]) + static_cast<std::int16_t>(lowest);
            const std::size_t at = group / 4 * 64 + place[group % 4 + i];
            store_bytes(sums >> 7, high + at);
            store_bytes(sums & 127, low + at);
        }
    }
}

/// Sixteen columns at a time go by in registers.
inline void column_minima(const float* values, std::size_t n, std::size_t columns, float* least) noexcept {
    for (std::size_t column = 0; column < columns; column += 16) {
        Eight first = Eight{} + __builtin_inff(), second = first;
        for (std::size_t at = column; at < n; at += columns) {
            Eight a, b;
            load(values + at, a);
            load(values + at + 8, b);
            first = a < first ? a : first;
            second = b < second ? b : second;
        }
        store(first, least + column);
        store(second, least + column + 8);
    }
}

/// A number is at most at place `rank` if no more than so many are less; the greatest of these is there.
inline float at_rank(const float* values, std::size_t n, std::size_t rank) noexcept {
    const EightWhole most = EightWhole{} + static_cast<std::int32_t>(rank);
    Eight greatest = Eight{} - __builtin_inff();
    for (std::size_t i = 0; i < n; i += 16) {
        Eight a, b;
        load(values + i, a);
        load(values + i + 8, b);
        EightWhole below_a{}, below_b{};
        for (std::size_t j = 0; j < n; ++j) {
            const Eight other = Eight{} + values[j];
            below_a -= other < a;
            below_b -= other < b;
        }
        greatest = ((below_a <= most) & (greatest < a)) ? a : greatest;
        greatest = ((below_b <= most) & (greatest < b)) ? b : greatest;
    }
    float found = greatest[0];
    for (std::size_t j = 1; j < 8; ++j)
        found = found < greatest[j] ? greatest[j] : found;
    return found;
}

/// Nearest whole numbers, ties to even, by the last bits of a sum with 1.5 · 2^23.
inline float to_shorts(const float* x, std::size_t n, std::int16_t* shorts) noexcept {
    typedef std::int16_t EightShort __attribute__((vector_size(16)));
    constexpr float limit = 32767, magic = 12582912;
    Eight most{};
    for (std::size_t i = 0; i < n; i += 8) {
        Eight some;
        load(x + i, some);
        const Eight magnitude = some < 0 ? -some : some;
        most = most < magnitude ? magnitude : most;
    }
    float largest = 0;
    for (std::size_t j = 0; j < 8; ++j)
        largest = largest < most[j] ? most[j] : largest;
    const float steps = limit / largest;
    const bool is_zero = !(steps < 1e30F);
    for (std::size_t i = 0; i < n; i += 8) {
        Eight some;
        load(x + i, some);
        const Eight shifted = some * (is_zero ? 0 : steps) + magic;
        EightWhole whole;
        __builtin_memcpy(&whole, &shifted, sizeof whole);
        const EightShort narrow = __builtin_convertvector(whole - 0x4B400000, EightShort);
        __builtin_memcpy(shorts + i, &narrow, sizeof narrow);
    }
    return is_zero ? 0 : largest / limit;
}

} // namespace
} // namespace soup::simd
