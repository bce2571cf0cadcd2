// Insertion: descent, bounds that grow on the way down, splits. See extension/tree/README.md for why this is
// safe against scans, vacuum and crashes.
#pragma once

#include "core/tree/geometry.hpp"

namespace soup::tree {

/// Puts one item into the tree. Raises soup::Error XX002 if a page is damaged, and whatever the store raises;
/// the tree is consistent after either.
void insert(PageStore& store, const Geometry& geometry, const Item& item);

/// Writes the metapage and an empty root into an empty file. `meta` has everything but magic and counter.
void create(PageStore& store, const Meta& meta);

} // namespace soup::tree
