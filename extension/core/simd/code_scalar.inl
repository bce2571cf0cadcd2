// CodeSet without vector instructions: the meaning of the others.
#pragma once

#include "core/simd/code_kernels.inl"

namespace soup::simd {
namespace {

template<>
struct CodeSet<xsimd::generic> {
    template<class Number>
    static OneLane<float> widened(const Number* code) noexcept {
        return {static_cast<float>(*code)};
    }

    static void estimate_bits(const BitScan& scan, const Estimate& estimate, float* out) noexcept {
        const std::uint8_t* codes = scan.codes;
        for (std::size_t block = 0; block < scan.blocks; ++block) {
            std::uint32_t sums[16] = {};
            for (std::size_t pair = 0; pair < scan.pairs; ++pair, codes += 16)
                for (std::size_t entry = 0; entry < 16; ++entry) {
                    const std::size_t low = low_table(pair) + (codes[entry] & 15),
                                      high = high_table(pair) + (codes[entry] >> 4);
                    const std::uint32_t sum = std::uint32_t{scan.high[low]} + scan.high[high];
                    sums[entry] += scan.low == nullptr ? sum : sum * 128 + scan.low[low] + scan.low[high];
                }
            for (std::size_t entry = 0; entry < 16; ++entry) {
                const std::size_t at = block * 16 + entry;
                out[at] = estimate_of(estimate, at, static_cast<std::int32_t>(sums[entry]));
            }
        }
    }

    static void estimate_bytes(const ByteScan& scan, const Estimate& estimate, float* out) noexcept {
        for (std::size_t at = 0; at < scan.count; ++at)
            out[at] = estimate_of(estimate, at, whole_dot(scan.point, scan.codes + at * scan.n, scan.n));
    }

    static std::size_t select_below(const float* values, std::size_t n, float limit, std::uint16_t* indexes,
                                    float* selected) noexcept {
        std::size_t count = 0;
        for (std::size_t i = 0; i < n; ++i) { // Without a branch: most pages have few, and anywhere.
            const float value = element(values + i);
            indexes[count] = static_cast<std::uint16_t>(i);
            __builtin_memcpy(selected + count, &value, sizeof value);
            count += value < limit;
        }
        return count;
    }
};

} // namespace
} // namespace soup::simd
