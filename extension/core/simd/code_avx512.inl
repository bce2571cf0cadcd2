// CodeSet by 512-bit byte shuffles: two neighbouring bytes of two blocks of sixteen entries at once, the
// tables repeated in the register's halves.
#pragma once

#include "core/simd/code_bytes_avx2.inl"

#include <immintrin.h>

namespace soup::simd {
namespace {

template<>
struct CodeSet<xsimd::avx512bw> {
    using Floats = xsimd::batch<float, xsimd::avx512bw>;

    static Floats widened(const std::int8_t* code) noexcept {
        return _mm512_cvtepi32_ps(
            _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(code))));
    }
    static Floats widened(const std::int16_t* code) noexcept {
        return _mm512_cvtepi32_ps(
            _mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(code))));
    }

    static __m256i load(const std::uint8_t* from) noexcept {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    }
    static __m512i twice(const std::uint8_t* from) noexcept { return _mm512_broadcast_i64x4(load(from)); }

    /// As in code_avx2.inl, of one block in each half.
    struct Sums {
        __m512i mixed = _mm512_setzero_si512(), odd = _mm512_setzero_si512();

        void take(const std::uint8_t* tables, __m512i low, __m512i high) noexcept {
            const __m512i sum = _mm512_add_epi8(_mm512_shuffle_epi8(twice(tables), low),
                                                _mm512_shuffle_epi8(twice(tables + 32), high));
            mixed = _mm512_add_epi16(mixed, sum);
            odd = _mm512_add_epi16(odd, _mm512_srli_epi16(sum, 8));
        }
        /// The sixteen sums of a block as 32-bit numbers.
        template<int half>
        __m512i finish() const noexcept {
            const __m512i both = _mm512_sub_epi16(mixed, _mm512_slli_epi16(odd, 8));
            const __m256i evens = _mm512_extracti64x4_epi64(both, half);
            const __m256i odds = _mm512_extracti64x4_epi64(odd, half);
            const __m128i even =
                _mm_add_epi16(_mm256_castsi256_si128(evens), _mm256_extracti128_si256(evens, 1));
            const __m128i other =
                _mm_add_epi16(_mm256_castsi256_si128(odds), _mm256_extracti128_si256(odds, 1));
            return _mm512_cvtepu16_epi32(_mm256_inserti128_si256(
                _mm256_castsi128_si256(_mm_unpacklo_epi16(even, other)), _mm_unpackhi_epi16(even, other), 1));
        }
    };

    static void store(const Estimate& estimate, std::size_t at, __m512i sums, float* out) noexcept {
        const __m512 product = _mm512_fmadd_ps(_mm512_set1_ps(estimate.step), _mm512_cvtepi32_ps(sums),
                                               _mm512_set1_ps(estimate.offset));
        const __m512 from_a =
            _mm512_fnmadd_ps(_mm512_loadu_ps(estimate.f + at), product, _mm512_loadu_ps(estimate.a + at));
        _mm512_storeu_ps(out + at, _mm512_add_ps(_mm512_set1_ps(estimate.base), from_a));
    }

    /// Two blocks, or, with `second` the same as the first, one.
    template<bool is_fine>
    static void estimate_blocks(const BitScan& scan, const Estimate& estimate, std::size_t block,
                                std::size_t second, float* out) noexcept {
        const __m512i half = _mm512_set1_epi8(15);
        const std::size_t block_bytes = scan.pairs * 16;
        Sums high, low;
        for (std::size_t pair = 0; pair < scan.pairs; pair += 2) {
            const __m512i bytes =
                _mm512_inserti64x4(_mm512_castsi256_si512(load(scan.codes + block * block_bytes + pair * 16)),
                                   load(scan.codes + second * block_bytes + pair * 16), 1);
            const __m512i low_half = _mm512_and_si512(bytes, half),
                          high_half = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), half);
            high.take(scan.high + pair * 32, low_half, high_half);
            if constexpr (is_fine) low.take(scan.low + pair * 32, low_half, high_half);
        }
        __m512i first = high.finish<0>(), last = high.finish<1>();
        if constexpr (is_fine) {
            first = _mm512_add_epi32(_mm512_slli_epi32(first, 7), low.finish<0>());
            last = _mm512_add_epi32(_mm512_slli_epi32(last, 7), low.finish<1>());
        }
        store(estimate, block * 16, first, out);
        store(estimate, second * 16, last, out);
    }

    template<bool is_fine>
    static void estimate_all(const BitScan& scan, const Estimate& estimate, float* out) noexcept {
        for (std::size_t block = 0; block < scan.blocks; block += 2)
            estimate_blocks<is_fine>(scan, estimate, block, block + 1 < scan.blocks ? block + 1 : block, out);
    }
    static void estimate_bits(const BitScan& scan, const Estimate& estimate, float* out) noexcept {
        if (scan.low == nullptr)
            estimate_all<false>(scan, estimate, out);
        else
            estimate_all<true>(scan, estimate, out);
    }

    static void estimate_bytes(const ByteScan& scan, const Estimate& estimate, float* out) noexcept {
        estimate_bytes_by_eight(scan, estimate, out);
    }

    static std::size_t select_below(const float* values, std::size_t n, float limit, std::uint16_t* indexes,
                                    float* selected) noexcept {
        const __m512 limits = _mm512_set1_ps(limit);
        __m512i at = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        std::size_t count = 0;
        for (std::size_t i = 0; i < n; i += 16) {
            const __m512 some = _mm512_loadu_ps(values + i);
            const __mmask16 below = _mm512_cmp_ps_mask(some, limits, _CMP_LT_OQ);
            const unsigned found = static_cast<unsigned>(__builtin_popcount(below));
            _mm512_mask_compressstoreu_ps(selected + count, below, some);
            const __m256i packed = _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(below, at));
            _mm256_mask_storeu_epi16(indexes + count, static_cast<__mmask16>((1U << found) - 1), packed);
            at = _mm512_add_epi32(at, _mm512_set1_epi32(16));
            count += found;
        }
        return count;
    }
};

} // namespace
} // namespace soup::simd
