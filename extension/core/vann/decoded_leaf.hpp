// A leaf's entries as points again, from their details or 8-bit codes.
#pragma once

#include "core/vann/bisect.hpp"
#include "core/vann/leaf_page.hpp"

namespace soup::vann {

struct DecodedLeaf {
    Points points;
    std::vector<unsigned> slots; ///< Of each point.
    std::vector<float> norms;    ///< If has_norms().
};

/// Reads the leaf's detail pages, one share-locked at a time. Raises XX002 if they do not decode to numbers.
DecodedLeaf decode_leaf(tree::PageStore& store, const LeafView& leaf, tree::Block block);

/// One slot's point, from its detail (whose page is share-locked meanwhile) or 8-bit code; `centroid` is the
/// leaf's. Raises XX002 as decode_leaf does, but for numbers.
void decode_slot(tree::PageStore& store, const LeafView& leaf, tree::Block block, unsigned slot,
                 const float* centroid, float* point);

} // namespace soup::vann
