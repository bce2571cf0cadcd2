// Which instruction set's kernels run: the best that the machine has, unless a lower one is forced.
//
// The choice is made at load and kept in one pointer, so that a caller pays one load and one indirect call:
// `kernels().l2_squared(a, b, n)`. Before any choice is made the scalar kernels answer, which run everywhere.
// A process changes the choice from one thread only (a backend has no other).
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "core/simd/kernel.hpp"

namespace soup::simd {

/// The instruction sets that kernels exist for, in ascending order. The numbers are not stored anywhere.
enum class Isa { scalar, ssse3, avx2, avx512 };

inline constexpr std::array best_first{Isa::avx512, Isa::avx2, Isa::ssse3, Isa::scalar};

const char* name(Isa isa) noexcept;
std::optional<Isa> isa_named(std::string_view name) noexcept;

/// Whether this machine (processor and operating system) runs the set. All kernels are linked in everywhere.
bool available(Isa isa) noexcept;
Isa best_available() noexcept;

/// The set's kernels, chosen or not. Calling one of a set that is not available ends the process.
const Kernels& kernels_of(Isa isa) noexcept;

/// Makes `isa` the choice. False, and nothing changed, if it is not available here.
bool choose(Isa isa) noexcept;
Isa chosen() noexcept;

namespace detail {
extern const Kernels* current;
}

/// The chosen kernels.
inline const Kernels& kernels() noexcept {
    return *detail::current;
}

} // namespace soup::simd
