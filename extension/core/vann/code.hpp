// Codes: of one bit and of eight bits a coordinate, made by arithmetic that is the same on every machine.
//
// A point x is kept relative to a centroid c as r = x - c. One bit (RaBitQ, Gao and Long, SIGMOD 2024): only
// s = sign r is kept. With F = 2|r|²/|r|₁ and A = |r|² + F⟨s,c⟩, the squared distance from a query q is
// estimated as
//
//     |q-c|² + A - F⟨s,q⟩,
//
// where ⟨s,q⟩ comes from one table per query for all pages. Eight bits: k = r rounded in steps of max|r|/127,
// f = |r|²/⟨r,k⟩, estimate |q-c|² + |r|² - 2f⟨q-c,k⟩; the terms without q are kept as B = |r|² + 2f⟨c,k⟩, so
// that ⟨q,k⟩ is all that has to be computed. Both are unbiased over random rotations, and r = 0 gives zeros.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace soup::vann {

/// Beside the bits.
struct BitFactors {
    float a, f;
};
/// Beside an 8-bit code. In leaves and inner pages a takes b's place and f holds 2f, so that there one
/// formula estimates from both kinds of code.
struct ByteFactors {
    float b, f;
};

/// s as bits, the first coordinate lowest within a byte: 1 for a positive one. `n` is a multiple of 8.
BitFactors encode_bits(const float* point, const float* centroid, unsigned n, std::uint8_t* bits) noexcept;
/// centroid null: 0.
ByteFactors encode_bytes(const float* point, const float* centroid, unsigned n, std::int8_t* code) noexcept;

/// centroid + f · code.
void decode_bytes(const std::int8_t* code, float f, const float* centroid, unsigned n, float* point) noexcept;

/// A page's own centroid: whole numbers of one or two bytes, times a scale that is returned.
float encode_centroid(const float* centroid, unsigned n, unsigned bytes_each, std::byte* to) noexcept;
/// What the encoder and the scanner use.
void decode_centroid(const std::byte* from, unsigned n, unsigned bytes_each, float scale,
                     float* centroid) noexcept;

/// Sums in an order that is the same on every machine.
float exact_dot(const float* a, const float* b, unsigned n) noexcept;
float exact_squared_norm(const float* x, unsigned n) noexcept;

// Fast-scan order: blocks of sixteen entries; in a block, for each eight coordinates, sixteen bytes, one of
// each entry. A half of a byte is an index into the table of four coordinates.
void put_bits(std::byte* codes, unsigned n, unsigned entry, const std::uint8_t* bits) noexcept;
void get_bits(const std::byte* codes, unsigned n, unsigned entry, std::uint8_t* bits) noexcept;

} // namespace soup::vann
