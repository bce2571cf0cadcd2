// Structural checks of a whole tree: every page reachable once, levels and links right, numbers consistent,
// companions named by exactly one leaf; the geometry checks the content.
#pragma once

#include "core/tree/geometry.hpp"

namespace soup::tree {

/// Reports every violation. The tree must not change meanwhile (the caller holds a lock that sees to it).
/// `unlinked`: whether pages that a crash left unlinked, which vacuum gives back, are reported too.
enum class Unlinked : std::uint8_t { allowed, reported };
void verify(PageStore& store, const Geometry& geometry, Unlinked unlinked, const Report& report);

} // namespace soup::tree
