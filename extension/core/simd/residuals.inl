// Kernels that make codes of residuals, the differences of a point from a centroid. Eight sums run side by
// side and are added up in a fixed tree, so that codes and their factors are the same bit for bit on all
// sets.
#pragma once

#include "core/simd/code_kernels.hpp"
#include "core/simd/eight_lanes.inl"

namespace soup::simd {
namespace {

/// Eight coordinates at a time of point - centroid.
class Residuals {
public:
    Residuals(const float* point, const float* centroid) noexcept
        : point_(point), centroid_(centroid != nullptr ? centroid : zeros),
          stride_(centroid != nullptr ? 1 : 0) {}

    void take(std::size_t i, Eight& residual, Eight& centre) const noexcept {
        load(point_ + i, residual);
        load(centroid_ + i * stride_, centre);
        residual = residual - centre;
    }

private:
    static constexpr float zeros[8] = {};
    const float *point_, *centroid_;
    std::size_t stride_;
};

inline float total(const Eight& sum) noexcept {
    const float a = (sum[0] + sum[4]) + (sum[2] + sum[6]), b = (sum[1] + sum[5]) + (sum[3] + sum[7]);
    return a + b;
}

inline void magnitude(Eight& x) noexcept {
    EightWhole bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    bits = bits & 0x7FFFFFFF;
    __builtin_memcpy(&x, &bits, sizeof x);
}

inline float largest_residual(const float* point, const float* centroid, std::size_t n) noexcept {
    const Residuals residuals(point, centroid);
    Eight most{};
    for (std::size_t i = 0; i < n; i += 8) {
        Eight r, c;
        residuals.take(i, r, c);
        magnitude(r);
        most = r > most ? r : most;
    }
    float largest = 0;
    for (std::size_t j = 0; j < 8; ++j)
        largest = most[j] > largest ? most[j] : largest;
    return largest;
}

inline SignSums take_signs(const float* point, const float* centroid, std::size_t n,
                           std::uint8_t* bits) noexcept {
    typedef std::int8_t EightBytes __attribute__((vector_size(8)));
    const Residuals residuals(point, centroid);
    Eight squares{}, magnitudes{}, product{};
    for (std::size_t i = 0; i < n; i += 8) {
        Eight r, c;
        residuals.take(i, r, c);
        const EightWhole is_positive = r > 0;
        squares = squares + r * r;
        product = product + (is_positive ? c : -c);
        magnitude(r);
        magnitudes = magnitudes + r;
        // The j-th byte, all ones or none, gives the j-th bit; the multiplication adds them up in the
        // highest.
        const EightBytes bytes = __builtin_convertvector(is_positive, EightBytes);
        std::uint64_t masks;
        __builtin_memcpy(&masks, &bytes, sizeof masks);
        bits[i / 8] = static_cast<std::uint8_t>((masks & 0x8040201008040201U) * 0x0101010101010101U >> 56);
    }
    return {total(squares), total(magnitudes), total(product)};
}

inline StepSums take_steps(const float* point, const float* centroid, float steps, std::size_t n,
                           std::int8_t* code) noexcept {
    typedef std::int8_t EightBytes __attribute__((vector_size(8)));
    constexpr float limit = 127, magic = 12582912; // See to_shorts().
    const Residuals residuals(point, centroid);
    Eight squares{}, product{}, centre{};
    for (std::size_t i = 0; i < n; i += 8) {
        Eight r, c;
        residuals.take(i, r, c);
        Eight step = r * steps;
        step = step >= -limit ? step : Eight{} - limit; // NaN, too.
        step = step <= limit ? step : Eight{} + limit;
        const Eight shifted = step + magic;
        EightWhole whole;
        __builtin_memcpy(&whole, &shifted, sizeof whole);
        whole = whole - 0x4B400000;
        const EightBytes bytes = __builtin_convertvector(whole, EightBytes);
        __builtin_memcpy(code + i, &bytes, sizeof bytes);
        step = __builtin_convertvector(whole, Eight);
        squares = squares + r * r;
        product = product + r * step;
        centre = centre + c * step;
    }
    return {total(squares), total(product), total(centre)};
}

} // namespace
} // namespace soup::simd
