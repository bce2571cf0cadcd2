// From vectors to points: normalised (cosine), centred on the mean, padded with noughts, rotated.
//
// Points are what everything else in this room works with. Distances between points are those between the
// vectors, but for coordinates beyond ±1e15, which are taken as ±1e15 so that no sum of squares overflows:
// such vectors are kept and found, only not in order.
#pragma once

#include "core/vann/layout.hpp"
#include "core/vann/rotation.hpp"

namespace soup::vann {

class Space {
public:
    /// An empty mean is 0. Inner products are not centred: there the mean is ignored.
    Space(const Parameters& parameters, std::span<const float> mean);

    unsigned dimensions() const noexcept { return dimensions_; }
    unsigned padded() const noexcept { return rotation_.padded(); }

    /// `vector` has dimensions() floats, `point` gets padded(). False: a vector without direction under
    /// cosine, which is not indexed (as a query it may be taken for any).
    bool to_point(const float* vector, float* point) const noexcept;

private:
    unsigned dimensions_;
    Metric metric_;
    std::vector<float> mean_;
    Rotation rotation_;
};

/// The mean on pages of its own, of the metapage's kind since they belong to it: written once, before anybody
/// else sees the index. Returns the first block.
tree::Block write_mean(tree::PageStore& store, std::span<const float> mean);
/// Raises XX002 if the pages do not hold `dimensions` floats.
std::vector<float> read_mean(tree::PageStore& store, tree::Block first, unsigned dimensions);

} // namespace soup::vann
