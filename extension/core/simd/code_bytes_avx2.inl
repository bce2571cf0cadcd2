// Estimates from 8-bit codes by 256-bit registers, for AVX2 and wider sets: eight codes at once, sixteen
// coordinates at a time, so that a load of the point serves them all.
#pragma once

#include "core/simd/code_kernels.inl"

#include <immintrin.h>

namespace soup::simd {
namespace {

/// The sums of eight codes as 32-bit numbers; `n` is a multiple of 16.
inline __m256i sum_products(const std::int16_t* point, const std::int8_t* const* codes,
                            std::size_t n) noexcept {
    __m256i sums[8];
#pragma GCC unroll 8
    for (std::size_t j = 0; j < 8; ++j)
        sums[j] = _mm256_setzero_si256();
    for (std::size_t i = 0; i < n; i += 16) {
        const __m256i some = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(point + i));
#pragma GCC unroll 8 // The sums stay in registers.
        for (std::size_t j = 0; j < 8; ++j) {
            const __m256i words =
                _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes[j] + i)));
            sums[j] = _mm256_add_epi32(sums[j], _mm256_madd_epi16(some, words));
        }
    }
    const __m256i four = _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]),
                                           _mm256_hadd_epi32(sums[2], sums[3])),
                  other_four = _mm256_hadd_epi32(_mm256_hadd_epi32(sums[4], sums[5]),
                                                 _mm256_hadd_epi32(sums[6], sums[7]));
    return _mm256_add_epi32(_mm256_permute2x128_si256(four, other_four, 0x20),
                            _mm256_permute2x128_si256(four, other_four, 0x31));
}

inline void estimate_bytes_by_eight(const ByteScan& scan, const Estimate& estimate, float* out) noexcept {
    std::size_t at = 0;
    while (scan.n % 16 == 0 && at < scan.count) {
        // The last eight may be met twice.
        if (at + 8 > scan.count) {
            if (scan.count < 8) break;
            at = scan.count - 8;
        }
        const std::int8_t* codes[8];
        for (std::size_t j = 0; j < 8; ++j)
            codes[j] = scan.codes + (at + j) * scan.n;
        const __m256 sums = _mm256_cvtepi32_ps(sum_products(scan.point, codes, scan.n));
        // Without fused steps, which AVX-512 does not bring for these registers.
        const __m256 product = _mm256_add_ps(_mm256_set1_ps(estimate.offset),
                                             _mm256_mul_ps(_mm256_set1_ps(estimate.step), sums));
        const __m256 off = _mm256_mul_ps(_mm256_loadu_ps(estimate.f + at), product);
        _mm256_storeu_ps(out + at, _mm256_add_ps(_mm256_set1_ps(estimate.base),
                                                 _mm256_sub_ps(_mm256_loadu_ps(estimate.a + at), off)));
        at += 8;
    }
    for (; at < scan.count; ++at)
        out[at] = estimate_of(estimate, at, whole_dot(scan.point, scan.codes + at * scan.n, scan.n));
}

} // namespace
} // namespace soup::simd
