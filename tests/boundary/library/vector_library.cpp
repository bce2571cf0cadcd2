// A versioned library of soupvec that only says its version, built twice to test the loader.
#include "loader/soupvec_loader.hpp"
#include "boundary/datum.hpp"

namespace {

int isa_now = -1;

constexpr soup::loader::VectorLibrary library{
    sizeof(soup::loader::VectorLibrary), SOUP_VERSION,
    // As on a machine without AVX-512.
    [](soup::loader::Isa isa) noexcept { return isa != soup::loader::Isa::avx512; },
    [](soup::loader::Isa isa) noexcept { isa_now = static_cast<int>(isa); }, nullptr, nullptr};

} // namespace

SOUP_MODULE_INIT() {
    soup::loader::attach(library);
}

/// soupvec_version(): the version of the code that answers, and the instruction set that it was told.
SOUP_FUNCTION(soupvec_version) {
    return soup::pg::make_text(std::string(SOUP_VERSION) + " isa " + std::to_string(isa_now));
}
