// Vacuum: one pass over all blocks in order that removes dead addresses, a second that unlinks empty leaves,
// a third that gives back pages which nobody names.
#pragma once

#include "core/tree/geometry.hpp"

namespace soup::tree {

struct VacuumResult {
    std::uint64_t dead = 0, live = 0; ///< Heap addresses.
    Block pages = 0, freed_now = 0;   ///< Blocks of the file; pages given back by this run.
    Block reusable = 0;               ///< Freed pages that allocate() may hand out, as of this run.
};

/// Removes every address for which is_dead says so. Pages are visited exactly once, also those that a
/// concurrent split moves to lower blocks.
VacuumResult bulk_delete(PageStore& store, const Geometry& geometry,
                         const std::function<bool(HeapAddress)>& is_dead);

/// Unlinks leaves that are empty, frees pages that a crash left unlinked, offers what may be reused.
void clean_up(PageStore& store, const Geometry& geometry, VacuumResult& result);

} // namespace soup::tree
