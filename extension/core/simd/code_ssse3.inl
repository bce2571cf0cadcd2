// CodeSet by 128-bit byte shuffles.
#pragma once

#include "core/simd/code_kernels.inl"

#include <tmmintrin.h>

namespace soup::simd {
namespace {

template<>
struct CodeSet<xsimd::ssse3> {
    using Floats = xsimd::batch<float, xsimd::ssse3>;

    static Floats widened(const std::int8_t* code) noexcept {
        int four;
        __builtin_memcpy(&four, code, sizeof four);
        const __m128i bytes = _mm_cvtsi32_si128(four);
        // Each byte to the top of a lane of its own, and down again with its sign.
        const __m128i words = _mm_unpacklo_epi8(bytes, bytes);
        return _mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(words, words), 24));
    }
    static Floats widened(const std::int16_t* code) noexcept {
        const __m128i words = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(code));
        return _mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(words, words), 16));
    }

    /// Sums of sixteen entries: of the even ones in one register, of the odd ones in the other.
    struct Sums {
        __m128i mixed = _mm_setzero_si128(), odd = _mm_setzero_si128();

        void take(const std::uint8_t* tables, __m128i low, __m128i high) noexcept {
            const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(tables));
            const __m128i second = _mm_loadu_si128(reinterpret_cast<const __m128i*>(tables + 32));
            const __m128i sum = _mm_add_epi8(_mm_shuffle_epi8(first, low), _mm_shuffle_epi8(second, high));
            mixed =
                _mm_add_epi16(mixed, sum); // Even bytes, plus 256 times the odd ones: taken off at the end.
            odd = _mm_add_epi16(odd, _mm_srli_epi16(sum, 8));
        }
        void finish(__m128i& first_eight, __m128i& last_eight) const noexcept {
            const __m128i even = _mm_sub_epi16(mixed, _mm_slli_epi16(odd, 8));
            first_eight = _mm_unpacklo_epi16(even, odd);
            last_eight = _mm_unpackhi_epi16(even, odd);
        }
    };

    static void store(const Estimate& estimate, std::size_t at, __m128i sums, float* out) noexcept {
        const __m128 product = _mm_add_ps(_mm_set1_ps(estimate.offset),
                                          _mm_mul_ps(_mm_set1_ps(estimate.step), _mm_cvtepi32_ps(sums)));
        const __m128 off = _mm_mul_ps(_mm_loadu_ps(estimate.f + at), product);
        _mm_storeu_ps(out + at,
                      _mm_add_ps(_mm_set1_ps(estimate.base), _mm_sub_ps(_mm_loadu_ps(estimate.a + at), off)));
    }

    template<bool is_fine>
    static void estimate_block(const BitScan& scan, const Estimate& estimate, std::size_t block,
                               float* out) noexcept {
        const __m128i half = _mm_set1_epi8(15), zero = _mm_setzero_si128();
        const std::uint8_t* codes = scan.codes + block * scan.pairs * 16;
        Sums high, low;
        for (std::size_t pair = 0; pair < scan.pairs; ++pair) {
            const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + pair * 16));
            const __m128i low_half = _mm_and_si128(bytes, half),
                          high_half = _mm_and_si128(_mm_srli_epi16(bytes, 4), half);
            high.take(scan.high + low_table(pair), low_half, high_half);
            if constexpr (is_fine) low.take(scan.low + low_table(pair), low_half, high_half);
        }
        __m128i sums[2], fine[2];
        high.finish(sums[0], sums[1]);
        if constexpr (is_fine) low.finish(fine[0], fine[1]);
        for (std::size_t i = 0; i < 2; ++i) {
            __m128i first = _mm_unpacklo_epi16(sums[i], zero), last = _mm_unpackhi_epi16(sums[i], zero);
            if constexpr (is_fine) {
                first = _mm_add_epi32(_mm_slli_epi32(first, 7), _mm_unpacklo_epi16(fine[i], zero));
                last = _mm_add_epi32(_mm_slli_epi32(last, 7), _mm_unpackhi_epi16(fine[i], zero));
            }
            store(estimate, block * 16 + i * 8, first, out);
            store(estimate, block * 16 + i * 8 + 4, last, out);
        }
    }

    static void estimate_bits(const BitScan& scan, const Estimate& estimate, float* out) noexcept {
        for (std::size_t block = 0; block < scan.blocks; ++block) {
            if (scan.low == nullptr)
                estimate_block<false>(scan, estimate, block, out);
            else
                estimate_block<true>(scan, estimate, block, out);
        }
    }

    static std::int32_t sum_products(const std::int16_t* point, const std::int8_t* code,
                                     std::size_t n) noexcept {
        __m128i sums = _mm_setzero_si128();
        for (std::size_t i = 0; i < n; i += 8) {
            const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(code + i));
            const __m128i words = _mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
            const __m128i some = _mm_loadu_si128(reinterpret_cast<const __m128i*>(point + i));
            sums = _mm_add_epi32(sums, _mm_madd_epi16(some, words));
        }
        sums = _mm_hadd_epi32(sums, sums);
        return _mm_cvtsi128_si32(_mm_hadd_epi32(sums, sums));
    }
    static void estimate_bytes(const ByteScan& scan, const Estimate& estimate, float* out) noexcept {
        for (std::size_t at = 0; at < scan.count; ++at)
            out[at] = estimate_of(estimate, at, sum_products(scan.point, scan.codes + at * scan.n, scan.n));
    }

    static std::size_t select_below(const float* values, std::size_t n, float limit, std::uint16_t* indexes,
                                    float* selected) noexcept {
        const __m128 limits = _mm_set1_ps(limit);
        std::size_t count = 0;
        for (std::size_t i = 0; i < n; i += 4) {
            unsigned below =
                static_cast<unsigned>(_mm_movemask_ps(_mm_cmplt_ps(_mm_loadu_ps(values + i), limits)));
            for (; below != 0; below &= below - 1, ++count) {
                const std::size_t at = i + static_cast<unsigned>(__builtin_ctz(below));
                indexes[count] = static_cast<std::uint16_t>(at);
                __builtin_memcpy(selected + count, values + at, sizeof *values);
            }
        }
        return count;
    }
};

} // namespace
} // namespace soup::simd
