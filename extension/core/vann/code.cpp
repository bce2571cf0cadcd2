// Sums run in eight lanes that are added up in a fixed tree, here and in core/simd/residuals.inl: quick
// without wide registers, and the same wherever this is compiled, since nothing here may be contracted or
// reordered (see the top Makefile's flags).
#include "core/vann/code.hpp"

#include "core/simd/dispatch.hpp"

#include <bit>
#include <cstring>

namespace soup::vann {
namespace {

constexpr unsigned lanes = 8;

struct Sum {
    float lane[lanes] = {};

    float total() const noexcept {
        const float a = (lane[0] + lane[4]) + (lane[2] + lane[6]),
                    b = (lane[1] + lane[5]) + (lane[3] + lane[7]);
        return a + b;
    }
};

/// To the nearest whole number, ties to even, for |x| < 2^22. A NaN gives some number of the range.
std::int32_t nearest(float x) noexcept {
    constexpr float magic = 12582912.0F; // 1.5 · 2^23: the sum's last bits are the whole number.
    return std::bit_cast<std::int32_t>(x + magic) - std::bit_cast<std::int32_t>(magic);
}

/// In [-limit, limit]; NaN becomes -limit.
float clamped(float x, float limit) noexcept {
    const float low = x >= -limit ? x : -limit;
    return low <= limit ? low : limit;
}

} // namespace

float exact_dot(const float* a, const float* b, unsigned n) noexcept {
    Sum sum;
    for (unsigned i = 0; i < n; i += lanes)
        for (unsigned j = 0; j < lanes; ++j)
            sum.lane[j] += a[i + j] * b[i + j];
    return sum.total();
}

float exact_squared_norm(const float* x, unsigned n) noexcept {
    return exact_dot(x, x, n);
}

BitFactors encode_bits(const float* point, const float* centroid, unsigned n, std::uint8_t* bits) noexcept {
    const auto [square, magnitude, centre] = simd::kernels().codes.take_signs(point, centroid, n, bits);
    if (!(square > 0) || !(magnitude > 0)) return {0, 0};
    const float f = 2 * square / magnitude;
    return {square + f * centre, f};
}

ByteFactors encode_bytes(const float* point, const float* centroid, unsigned n, std::int8_t* code) noexcept {
    const simd::CodeKernels& kernels = simd::kernels().codes;
    const float steps = 127 / kernels.largest_residual(point, centroid, n);
    if (steps <= 1e30F) { // Otherwise r = 0, or too small to matter.
        const auto [square, product, centre] = kernels.take_steps(point, centroid, steps, n, code);
        const float f = square / product;
        if (square > 0 && product > 0) return {square + 2 * f * centre, f};
    }
    std::memset(code, 0, n);
    return {0, 0};
}

void decode_bytes(const std::int8_t* code, float f, const float* centroid, unsigned n,
                  float* point) noexcept {
    for (unsigned i = 0; i < n; ++i)
        point[i] = (centroid != nullptr ? centroid[i] : 0) + f * static_cast<float>(code[i]);
}

float encode_centroid(const float* centroid, unsigned n, unsigned bytes_each, std::byte* to) noexcept {
    const float limit = bytes_each == 1 ? 127 : 32767;
    const float most = simd::kernels().codes.largest_residual(centroid, nullptr, n);
    const float steps = limit / most;
    const bool is_zero = !(steps <= 1e30F);
    for (unsigned i = 0; i < n; ++i) {
        const std::int32_t whole = is_zero ? 0 : nearest(clamped(centroid[i] * steps, limit));
        if (bytes_each == 1)
            reinterpret_cast<std::int8_t*>(to)[i] = static_cast<std::int8_t>(whole);
        else
            reinterpret_cast<std::int16_t*>(to)[i] = static_cast<std::int16_t>(whole);
    }
    return is_zero ? 0 : most / limit;
}

void decode_centroid(const std::byte* from, unsigned n, unsigned bytes_each, float scale,
                     float* centroid) noexcept {
    if (bytes_each == 1)
        for (unsigned i = 0; i < n; ++i)
            centroid[i] = scale * static_cast<float>(reinterpret_cast<const std::int8_t*>(from)[i]);
    else
        for (unsigned i = 0; i < n; ++i)
            centroid[i] = scale * static_cast<float>(reinterpret_cast<const std::int16_t*>(from)[i]);
}

void put_bits(std::byte* codes, unsigned n, unsigned entry, const std::uint8_t* bits) noexcept {
    const unsigned bytes = n / 8;
    std::byte* at = codes + std::size_t{entry / 16} * 16 * bytes + entry % 16;
    for (unsigned i = 0; i < bytes; ++i)
        at[std::size_t{i} * 16] = std::byte{bits[i]};
}

void get_bits(const std::byte* codes, unsigned n, unsigned entry, std::uint8_t* bits) noexcept {
    const unsigned bytes = n / 8;
    const std::byte* at = codes + std::size_t{entry / 16} * 16 * bytes + entry % 16;
    for (unsigned i = 0; i < bytes; ++i)
        bits[i] = std::to_integer<std::uint8_t>(at[std::size_t{i} * 16]);
}

} // namespace soup::vann
