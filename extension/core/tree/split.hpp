// Splitting a page: one atomic change after the companions were written.
#pragma once

#include "core/tree/geometry.hpp"

namespace soup::tree {

/// Splits an exclusively locked page that is not the root, whose parent is locked too and has room for one
/// child more.
void split_page(PageStore& store, const Geometry& geometry, const Page& parent, unsigned entry,
                const Page& page);

/// Splits the root: its content moves to two new pages below it, so that its block stays.
void split_root(PageStore& store, const Geometry& geometry, const Page& root);

} // namespace soup::tree
