// Detection by the compiler's run-time support, which asks the processor and, for the wide registers, also
// whether the operating system saves them.
#include "core/simd/dispatch.hpp"

#include <algorithm>

namespace soup::simd {

namespace {

struct Entry {
    Isa isa;
    const char* name;
    const Kernels& (*kernels)() noexcept;
};

constexpr std::array entries{
    Entry{Isa::scalar, "scalar", kernels_scalar},
    Entry{Isa::ssse3, "ssse3", kernels_ssse3},
    Entry{Isa::avx2, "avx2", kernels_avx2},
    Entry{Isa::avx512, "avx512", kernels_avx512},
};

const Entry& entry(Isa isa) noexcept {
    return entries[static_cast<std::size_t>(isa)];
}

} // namespace

namespace detail {
// Dynamic initialisation, but of the same library and before anybody can call into it.
const Kernels* current = &kernels_scalar();
} // namespace detail

const char* name(Isa isa) noexcept {
    return entry(isa).name;
}

std::optional<Isa> isa_named(std::string_view name) noexcept {
    const auto found = std::ranges::find_if(entries, [&](const Entry& e) { return name == e.name; });
    if (found == entries.end()) return std::nullopt;
    return found->isa;
}

bool available(Isa isa) noexcept {
    __builtin_cpu_init();
    switch (isa) {
    case Isa::scalar:
        return true;
    case Isa::ssse3:
        return __builtin_cpu_supports("ssse3");
    case Isa::avx2: // The compiler may use these three in that file too.
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
               __builtin_cpu_supports("popcnt");
    case Isa::avx512:
        return available(Isa::avx2) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    }
    return false;
}

Isa best_available() noexcept {
    return *std::ranges::find_if(best_first, available);
}

const Kernels& kernels_of(Isa isa) noexcept {
    return entry(isa).kernels();
}

bool choose(Isa isa) noexcept {
    if (!available(isa)) return false;
    detail::current = &kernels_of(isa);
    return true;
}

Isa chosen() noexcept {
    return std::ranges::find_if(entries, [](const Entry& e) { return &e.kernels() == detail::current; })->isa;
}

} // namespace soup::simd
