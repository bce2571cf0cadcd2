// The kernels for one instruction set, compiled with its own flags (see extension/module.mk).
// No vector instruction at all: what remains when nothing else is there, and the reference in tests.
#include "core/simd/kernels.inl"
#include "core/simd/code_scalar.inl"

namespace soup::simd {

const Kernels& kernels_scalar() noexcept {
    return table_for<xsimd::generic>;
}

} // namespace soup::simd
