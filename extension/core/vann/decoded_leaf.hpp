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

} // namespace soup::vann
