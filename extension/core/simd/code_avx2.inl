// CodeSet by 256-bit byte shuffles: two neighbouring bytes of sixteen entries at once, several blocks at a
// time so that a load of the tables serves them all.
#pragma once

#include "core/simd/code_bytes_avx2.inl"

#include <immintrin.h>

namespace soup::simd {
namespace {

template<>
struct CodeSet<xsimd::fma3<xsimd::avx2>> {
    using Floats = xsimd::batch<float, xsimd::fma3<xsimd::avx2>>;

    static Floats widened(const std::int8_t* code) noexcept {
        return _mm256_cvtepi32_ps(
            _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(code))));
    }
    static Floats widened(const std::int16_t* code) noexcept {
        return _mm256_cvtepi32_ps(
            _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(code))));
    }

    static __m256i load(const std::uint8_t* from) noexcept {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    }

    /// As in code_ssse3.inl; the register's two lanes are summed at the end.
    struct Sums {
        __m256i mixed = _mm256_setzero_si256(), odd = _mm256_setzero_si256();

        void take(__m256i first, __m256i second, __m256i low, __m256i high) noexcept {
            const __m256i sum =
                _mm256_add_epi8(_mm256_shuffle_epi8(first, low), _mm256_shuffle_epi8(second, high));
            mixed = _mm256_add_epi16(mixed, sum);
            odd = _mm256_add_epi16(odd, _mm256_srli_epi16(sum, 8));
        }
        /// The sixteen sums as 32-bit numbers, entries 0 to 7 and 8 to 15.
        void finish(__m256i& first_eight, __m256i& last_eight) const noexcept {
            const __m256i both = _mm256_sub_epi16(mixed, _mm256_slli_epi16(odd, 8));
            const __m128i even =
                _mm_add_epi16(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
            const __m128i odds = _mm_add_epi16(_mm256_castsi256_si128(odd), _mm256_extracti128_si256(odd, 1));
            first_eight = _mm256_cvtepu16_epi32(_mm_unpacklo_epi16(even, odds));
            last_eight = _mm256_cvtepu16_epi32(_mm_unpackhi_epi16(even, odds));
        }
    };

    static void store(const Estimate& estimate, std::size_t at, __m256i sums, float* out) noexcept {
        const __m256 product = _mm256_fmadd_ps(_mm256_set1_ps(estimate.step), _mm256_cvtepi32_ps(sums),
                                               _mm256_set1_ps(estimate.offset));
        const __m256 from_a =
            _mm256_fnmadd_ps(_mm256_loadu_ps(estimate.f + at), product, _mm256_loadu_ps(estimate.a + at));
        _mm256_storeu_ps(out + at, _mm256_add_ps(_mm256_set1_ps(estimate.base), from_a));
    }

    template<bool is_fine, std::size_t blocks>
    static void estimate_blocks(const BitScan& scan, const Estimate& estimate, std::size_t block,
                                float* out) noexcept {
        const __m256i half = _mm256_set1_epi8(15);
        const std::size_t block_bytes = scan.pairs * 16;
        const std::uint8_t* codes = scan.codes + block * block_bytes;
        Sums high[blocks], low[blocks];
        for (std::size_t pair = 0; pair < scan.pairs; pair += 2) {
            const std::uint8_t* high_tables = scan.high + pair * 32;
            const std::uint8_t* low_tables = is_fine ? scan.low + pair * 32 : nullptr;
#pragma GCC unroll 4 // The sums stay in registers.
            for (std::size_t i = 0; i < blocks; ++i) {
                const __m256i bytes = load(codes + i * block_bytes + pair * 16);
                const __m256i low_half = _mm256_and_si256(bytes, half),
                              high_half = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half);
                high[i].take(load(high_tables), load(high_tables + 32), low_half, high_half);
                if constexpr (is_fine)
                    low[i].take(load(low_tables), load(low_tables + 32), low_half, high_half);
            }
        }
#pragma GCC unroll 4
        for (std::size_t i = 0; i < blocks; ++i) {
            __m256i first, last;
            high[i].finish(first, last);
            if constexpr (is_fine) {
                __m256i fine_first, fine_last;
                low[i].finish(fine_first, fine_last);
                first = _mm256_add_epi32(_mm256_slli_epi32(first, 7), fine_first);
                last = _mm256_add_epi32(_mm256_slli_epi32(last, 7), fine_last);
            }
            store(estimate, (block + i) * 16, first, out);
            store(estimate, (block + i) * 16 + 8, last, out);
        }
    }

    template<bool is_fine>
    static void estimate_all(const BitScan& scan, const Estimate& estimate, float* out) noexcept {
        constexpr std::size_t together = is_fine ? 2 : 4;
        std::size_t block = 0;
        for (; block + together <= scan.blocks; block += together)
            estimate_blocks<is_fine, together>(scan, estimate, block, out);
        for (; block < scan.blocks; ++block)
            estimate_blocks<is_fine, 1>(scan, estimate, block, out);
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
        const __m256 limits = _mm256_set1_ps(limit);
        std::size_t count = 0;
        for (std::size_t i = 0; i < n; i += 8) {
            unsigned below = static_cast<unsigned>(
                _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(values + i), limits, _CMP_LT_OQ)));
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
