// The kernels of code_kernels.hpp that need no more than widening loads, on top of what one file per
// instruction set (code_<isa>.inl) gives: CodeSet<Arch> with widened(), estimate_bits(), estimate_bytes() and
// select_below().
#pragma once

#include "core/simd/code_kernels.hpp"
#include "core/simd/eight_lanes.inl"
#include "core/simd/residuals.inl"

namespace soup::simd {
namespace {

/// Index within the tables of the low and of the high half of byte `pair`.
constexpr std::size_t low_table(std::size_t pair) noexcept {
    return pair / 2 * 64 + pair % 2 * 16;
}
constexpr std::size_t high_table(std::size_t pair) noexcept {
    return low_table(pair) + 32;
}

template<class Arch>
struct CodeSet;

inline std::int32_t whole_dot(const std::int16_t* point, const std::int8_t* code, std::size_t n) noexcept {
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < n; ++i)
        sum += std::int32_t{point[i]} * code[i];
    return sum;
}

inline float estimate_of(const Estimate& estimate, std::size_t at, std::int32_t sum) noexcept {
    const float product = estimate.offset + estimate.step * static_cast<float>(sum);
    return estimate.base + (element(estimate.a + at) - element(estimate.f + at) * product);
}

template<class Arch>
float dot_code(const float* x, const std::int8_t* code, std::size_t n) noexcept {
    using R = Register<float, Arch>;
    constexpr std::size_t width = R::size;
    R even(0.0f), odd(0.0f);
    std::size_t i = 0;
    for (; i + 2 * width <= n; i += 2 * width) {
        even = fma(R::load_unaligned(x + i), CodeSet<Arch>::widened(code + i), even);
        odd = fma(R::load_unaligned(x + i + width), CodeSet<Arch>::widened(code + i + width), odd);
    }
    float total = lanes_sum(even + odd);
    for (; i < n; ++i)
        total += element(x + i) * static_cast<float>(code[i]);
    return total;
}

/// Four codes at a time, so that one load of x serves them all.
template<class Arch>
void dot_codes(const float* x, const std::int8_t* codes, std::size_t n, std::size_t count,
               float* out) noexcept {
    using R = Register<float, Arch>;
    constexpr std::size_t width = R::size;
    std::size_t at = 0;
    for (; width <= 8 && at + 4 <= count; at += 4) {
        const std::int8_t* code = codes + at * n;
        R a(0.0f), b(0.0f), c(0.0f), d(0.0f);
        for (std::size_t i = 0; i < n; i += width) {
            const R some = R::load_unaligned(x + i);
            a = fma(some, CodeSet<Arch>::widened(code + i), a);
            b = fma(some, CodeSet<Arch>::widened(code + n + i), b);
            c = fma(some, CodeSet<Arch>::widened(code + 2 * n + i), c);
            d = fma(some, CodeSet<Arch>::widened(code + 3 * n + i), d);
        }
        out[at] = lanes_sum(a);
        out[at + 1] = lanes_sum(b);
        out[at + 2] = lanes_sum(c);
        out[at + 3] = lanes_sum(d);
    }
    for (; at < count; ++at)
        out[at] = dot_code<Arch>(x, codes + at * n, n);
}

template<class Arch, class Number>
float l2_squared_code(const float* x, const Number* code, float scale, std::size_t n) noexcept {
    using R = Register<float, Arch>;
    constexpr std::size_t width = R::size;
    const R scales(scale);
    R even(0.0f), odd(0.0f);
    std::size_t i = 0;
    for (; i + 2 * width <= n; i += 2 * width) {
        const R low = R::load_unaligned(x + i) - scales * CodeSet<Arch>::widened(code + i);
        const R high = R::load_unaligned(x + i + width) - scales * CodeSet<Arch>::widened(code + i + width);
        even = fma(low, low, even);
        odd = fma(high, high, odd);
    }
    float total = lanes_sum(even + odd);
    for (; i < n; ++i) {
        const float difference = element(x + i) - scale * static_cast<float>(code[i]);
        total += difference * difference;
    }
    return total;
}

template<class Arch>
constexpr CodeKernels code_kernels_for{
    .hadamard = hadamard,
    .fill_tables = fill_tables,
    .to_shorts = to_shorts,
    .largest_residual = largest_residual,
    .take_signs = take_signs,
    .take_steps = take_steps,
    .estimate_bits = CodeSet<Arch>::estimate_bits,
    .estimate_bytes = CodeSet<Arch>::estimate_bytes,
    .dot_code = dot_code<Arch>,
    .dot_codes = dot_codes<Arch>,
    .l2_squared_code8 = l2_squared_code<Arch, std::int8_t>,
    .l2_squared_code16 = l2_squared_code<Arch, std::int16_t>,
    .select_below = CodeSet<Arch>::select_below,
    .column_minima = column_minima,
    .at_rank = at_rank,
};

} // namespace
} // namespace soup::simd
