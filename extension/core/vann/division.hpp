// How a leaf's points are divided, and when that is done although the leaf is not full, because its codes say
// too little about who is nearest.
#pragma once

#include "core/vann/bisect.hpp"

namespace soup::vann {

/// Fewer points than this are not worth looking at.
inline constexpr unsigned least_divided = 32;

/// Which points go right. Where one half is a cluster apart from the rest, it goes alone if it has at least 8
/// points; otherwise neither half is smaller than a quarter. At least two points.
std::vector<bool> divide_leaf(const Points& points);

/// The same if two leaves would make much better codes of these points, by one of two rules; else empty.
///
/// A cluster apart: one half is a cluster that nothing of the other comes near. A code of one bit then says
/// little more than which half a point is in.
///
/// Too wide: 8-bit codes around the points' common mean are too coarse to rank a point's neighbours, as where
/// the points are many small clusters that lie far apart.
std::vector<bool> divide_early(const Points& points);

} // namespace soup::vann
