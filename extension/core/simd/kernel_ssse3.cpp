// The kernels for one instruction set, compiled with its own flags (see extension/module.mk).
// 128-bit registers. SSSE3 and not SSE2, since the index's scoring needs its byte shuffle.
#include "core/simd/kernels.inl"
#include "core/simd/code_ssse3.inl"

namespace soup::simd {

const Kernels& kernels_ssse3() noexcept {
    return table_for<xsimd::ssse3>;
}

} // namespace soup::simd
