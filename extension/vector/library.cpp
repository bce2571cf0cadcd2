// soupvec's versioned library: registers with the loader, lets it force the instruction set, and hands it
// what is to be done with plans.
#include "loader/soupvec_loader.hpp"
#include "planner/count_path.hpp"
#include "planner/nearest_path.hpp"
#include "planner/nodes.hpp"
#include "planner/sort_column.hpp"
#include "vector/vector.hpp"
#include "library_version.hpp"

namespace soup::vector {
namespace {

/// The kernel set that a value of soupvec.isa stands for.
simd::Isa meant(loader::Isa setting) noexcept {
    switch (setting) {
    case loader::Isa::scalar:
        return simd::Isa::scalar;
    case loader::Isa::ssse3:
        return simd::Isa::ssse3;
    case loader::Isa::avx2:
        return simd::Isa::avx2;
    case loader::Isa::avx512:
        return simd::Isa::avx512;
    case loader::Isa::automatic:
        break;
    }
    return simd::best_available();
}

bool isa_available(loader::Isa setting) noexcept {
    return simd::available(meant(setting));
}

// A set that this machine lacks was refused by the setting's check. If one comes anyway, from a configuration
// file read before the library was there, the best set stays in use.
void isa_changed(loader::Isa setting) noexcept {
    if (!simd::choose(meant(setting))) simd::choose(simd::best_available());
}

void add_paths(PlannerInfo* root, UpperRelationKind stage, RelOptInfo* input, RelOptInfo* output) {
    planner::add_nearest_path(root, stage, input, output);
    planner::add_count_path(root, stage, input, output);
}

constexpr loader::VectorLibrary library{
    .bytes = sizeof(loader::VectorLibrary),
    .version = library_version,
    .isa_available = isa_available,
    .isa_changed = isa_changed,
    .plan_made = planner::drop_unread_distances,
    .add_paths = add_paths,
};

} // namespace
} // namespace soup::vector

SOUP_MODULE_INIT() {
    soup::simd::choose(soup::simd::best_available());
    soup::loader::attach(soup::vector::library);
    soup::pg::call([] {
        soup::planner::register_nearest_rows();
        soup::planner::register_count_in_index();
    });
}

// The name of the instruction set whose kernels this session runs.
SOUP_FUNCTION(svec_isa) {
    PG_RETURN_TEXT_P(cstring_to_text(soup::simd::name(soup::simd::chosen())));
}
