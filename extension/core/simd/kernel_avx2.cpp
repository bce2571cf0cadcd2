// The kernels for one instruction set, compiled with its own flags (see extension/module.mk).
// 256-bit registers with fused multiply-add.
#include "core/simd/kernels.inl"
#include "core/simd/code_avx2.inl"

namespace soup::simd {

const Kernels& kernels_avx2() noexcept {
    return table_for<xsimd::fma3<xsimd::avx2>>;
}

} // namespace soup::simd
