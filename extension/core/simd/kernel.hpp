// The table of vector kernels: what each instruction set offers, as plain pointers to functions.
//
// A kernel is pure and noexcept: pointers and lengths in, a result out; no allocation, no server call.
// Pointers need no alignment beyond a byte's: a short on-disk vector starts one byte after its header.
// Sums are taken in float (double where the name says so) in an order that differs from set to set, so
// results may differ in the last bits; everything that is done element by element is the same everywhere.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/simd/boxes.hpp"
#include "core/simd/code_kernels.hpp"

namespace soup::simd {

/// What the cosine needs, gathered in one pass.
struct CosineParts {
    float dot;
    float norm_a; ///< |a|², not its root.
    float norm_b; ///< |b|².
};

/// Bits set in both and in either of two bit strings.
struct BitOverlap {
    std::uint64_t both;
    std::uint64_t either;
};

/// Some rows of floats, `stride` apart: those with these numbers, or, if there are none, the first ones.
struct RowList {
    const float* rows;
    std::size_t stride;
    const std::uint32_t* numbers;
    std::size_t count;
};

struct Kernels {
    float (*l2_squared)(const float* a, const float* b, std::size_t n) noexcept;
    /// Of x from each row.
    void (*l2_squared_each)(const float* x, const RowList& list, std::size_t n, float* out) noexcept;
    float (*inner_product)(const float* a, const float* b, std::size_t n) noexcept;
    CosineParts (*cosine)(const float* a, const float* b, std::size_t n) noexcept;
    float (*l1)(const float* a, const float* b, std::size_t n) noexcept;
    /// |x|² in double: the norm of a vector whose float square would overflow is still right.
    double (*squared_norm)(const float* x, std::size_t n) noexcept;

    // Element by element into out, which may not overlap the inputs partially. False: some element left
    // the range of float (became infinite, or, for mul, lost a non-zero product to zero).
    bool (*add)(const float* a, const float* b, float* out, std::size_t n) noexcept;
    bool (*sub)(const float* a, const float* b, float* out, std::size_t n) noexcept;
    bool (*mul)(const float* a, const float* b, float* out, std::size_t n) noexcept;
    /// out = x / by, each quotient taken in double. False: some quotient is infinite as a float.
    bool (*divide)(const float* x, double by, float* out, std::size_t n) noexcept;
    /// sums += x. False: some sum is infinite.
    bool (*accumulate)(double* sums, const float* x, std::size_t n) noexcept;
    /// True if no element is NaN or infinite.
    bool (*all_finite)(const float* x, std::size_t n) noexcept;

    /// One bit per element, set where it is > 0, most significant bit first; writes (n + 7) / 8 bytes.
    void (*signs)(const float* x, std::uint8_t* out, std::size_t n) noexcept;
    /// Bits that differ (Hamming), over whole bytes.
    std::uint64_t (*bits_different)(const std::uint8_t* a, const std::uint8_t* b, std::size_t bytes) noexcept;
    BitOverlap (*bits_overlap)(const std::uint8_t* a, const std::uint8_t* b, std::size_t bytes) noexcept;

    BoxKernels boxes;  ///< Pages of points and boxes.
    CodeKernels codes; ///< Pages of coded vectors.
};

// One function per translation unit kernel_<isa>.cpp, its only symbol. Calling it is safe on any machine,
// calling what is in the table is not: dispatch.hpp decides that.
const Kernels& kernels_scalar() noexcept;
const Kernels& kernels_ssse3() noexcept;
const Kernels& kernels_avx2() noexcept;
const Kernels& kernels_avx512() noexcept;

} // namespace soup::simd
