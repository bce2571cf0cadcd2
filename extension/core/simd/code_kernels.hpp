// Kernels that score coded vectors: whole pages of one-bit codes, and single codes of whole numbers.
//
// One-bit codes lie in blocks of sixteen entries: for each eight coordinates sixteen bytes, one of each
// entry, whose halves are indexes into two tables of sixteen sums. The tables of four groups lie in the order
// first, third, second, fourth, so that a register of 32 bytes meets the codes of two neighbouring bytes.
// Sums are whole numbers, so all instruction sets agree exactly up to the last step into floats. So are those
// of 8-bit codes with a point that was rounded to 16 bits.
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

struct ByteScan {
    const std::int8_t* codes;  ///< After one another.
    const std::int16_t* point; ///< Whole numbers.
    std::size_t n;             ///< A multiple of 8, at most 512, so that sums fit 32 bits.
    std::size_t count;         ///< Of codes.
};

/// out = base + a - f · (offset + step · sum), with a sum of whole numbers: for bits Σ high, or
/// Σ (128 · high + low); for bytes ⟨point, code⟩.
struct Estimate {
    const float* a;
    const float* f;
    float base, offset, step;
};

/// Of a residual r = point - centroid c and its signs s.
struct SignSums {
    float square, magnitude, centre; ///< |r|², |r|₁, ⟨s,c⟩.
};
/// Of r and its whole numbers k.
struct StepSums {
    float square, product, centre; ///< |r|², ⟨r,k⟩, ⟨c,k⟩.
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

    /// Rounds to whole numbers of 16 bits, in steps of a 32767th of the largest; returns the step, 0 if all
    /// are (nearly) 0. `n` is a multiple of 8.
    float (*to_shorts)(const float* x, std::size_t n, std::int16_t* shorts) noexcept;

    // What codes are made of; the same bit for bit everywhere, as they are stored. `n` is a multiple of 8; a
    // null centroid is 0.
    /// The largest |coordinate| of r, NaN passed over.
    float (*largest_residual)(const float* point, const float* centroid, std::size_t n) noexcept;
    /// A bit for each coordinate, the first one lowest within a byte: 1 where r is positive.
    SignSums (*take_signs)(const float* point, const float* centroid, std::size_t n,
                           std::uint8_t* bits) noexcept;
    /// steps · r to the nearest whole numbers within ±127, ties to even; NaN gives some number.
    StepSums (*take_steps)(const float* point, const float* centroid, float steps, std::size_t n,
                           std::int8_t* code) noexcept;

    void (*estimate_bits)(const BitScan& scan, const Estimate& estimate, float* out) noexcept;
    void (*estimate_bytes)(const ByteScan& scan, const Estimate& estimate, float* out) noexcept;

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
    /// The least of each column, the values being rows of `columns`, the last one perhaps shorter; both are
    /// multiples of 16. NaN is passed over; a column without numbers has +infinity.
    void (*column_minima)(const float* values, std::size_t n, std::size_t columns, float* least) noexcept;
    /// The value at place `rank` (from 0) of them all in ascending order, by counting for each how many are
    /// less: for a hundred or so. `n` is a multiple of 16; there is no NaN.
    float (*at_rank)(const float* values, std::size_t n, std::size_t rank) noexcept;
};

} // namespace soup::simd
