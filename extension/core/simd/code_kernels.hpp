// Kernels that score coded vectors: whole pages of one-bit codes, and single codes of whole numbers.
//
// One-bit codes lie in blocks of sixteen entries: for each eight coordinates sixteen bytes, one of each
// entry, whose halves are indexes into two tables of sixteen sums. The tables of four groups lie in the order
// first, third, second, fourth, so that a register of 32 bytes meets the codes of two neighbouring bytes.
// Sums are whole numbers, so all instruction sets agree exactly up to the last step into floats.
#pragma once

#include <cstddef>
#include <cstdint>

namespace soup::simd {

struct BitScan {
    const std::uint8_t* codes;
    const std::uint8_t* high; ///< 4 · pairs · 16 / 2 entries of at most 127.
    const std::uint8_t* low;  ///< The same, or null: a coarse scan.
    std::size_t pairs;        ///< Bytes of an entry's code: a multiple of 2, at most 256.
    std::size_t blocks;       ///< Of sixteen entries.
};

/// out = base + a - f · (offset + step · sum), sum = Σ high, or Σ (128 · high + low).
struct BitEstimate {
    const float* a;
    const float* f;
    float base, offset, step;
};

struct CodeKernels {
    /// Hadamard transform, not scaled, in place; n = 2^k ≥ 8. Additions in the same order everywhere, so that
    /// points, which become stored codes, are the same bit for bit.
    void (*hadamard)(float* x, std::size_t n) noexcept;
    /// The tables of four coordinates each: an entry is the sum of those of the whole numbers 2 · steps · |q|
    /// whose coordinate's sign in the entry is that of q, so steps · (Σ|q| + Σ ±q) but for rounding. It has
    /// to be below 2^14: its upper seven bits go to `high`, its lower to `low`. `groups` is a multiple of 4.
    void (*fill_tables)(const float* point, std::size_t groups, float steps, std::uint8_t* high,
                        std::uint8_t* low) noexcept;

    void (*estimate_bits)(const BitScan& scan, const BitEstimate& estimate, float* out) noexcept;

    /// ⟨x, code⟩.
    float (*dot_code)(const float* x, const std::int8_t* code, std::size_t n) noexcept;
    /// The same for codes after one another; `n` is a multiple of 8.
    void (*dot_codes)(const float* x, const std::int8_t* codes, std::size_t n, std::size_t count,
                      float* out) noexcept;
    /// |x - scale · code|².
    float (*l2_squared_code8)(const float* x, const std::int8_t* code, float scale, std::size_t n) noexcept;
    float (*l2_squared_code16)(const float* x, const std::int16_t* code, float scale, std::size_t n) noexcept;

    /// The indexes and values of what is below the limit, in order; returns how many. `n` is a multiple of
    /// 16; both outputs need room for n.
    std::size_t (*select_below)(const float* values, std::size_t n, float limit, std::uint16_t* indexes,
                                float* selected) noexcept;
};

} // namespace soup::simd
