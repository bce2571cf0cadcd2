// The kernels for one instruction set, compiled with its own flags (see extension/module.mk).
// 512-bit registers; the subsets F, CD, DQ, BW and VL that every server core since Skylake-SP has.

// GCC 12 takes the deliberately undefined registers of its own intrinsics' header for a mistake (its bug
// 105593, mended in 13).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

#include "core/simd/kernels.inl"
#include "core/simd/code_avx512.inl"

namespace soup::simd {

const Kernels& kernels_avx512() noexcept {
    return table_for<xsimd::avx512bw>;
}

} // namespace soup::simd
