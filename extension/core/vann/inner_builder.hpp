// The inner pages of a bulk build, from the leaves' level up to the root.
//
// Children of each level are collected and divided into pages by balanced k-means, all together as long as
// memory lets them be; beyond, a piece at a time, for which leaves that come one after another should lie
// near each other.
#pragma once

#include "core/vann/geometry.hpp"
#include "core/vann/kmeans.hpp"

namespace soup::vann {

class InnerBuilder {
public:
    InnerBuilder(tree::PageStore& store, const VannGeometry& geometry, std::size_t memory_bytes,
                 const KmeansOptions& kmeans);

    void add_leaf(tree::Block block, std::span<const float> centroid) { add(0, block, centroid, 0); }
    /// Writes what is left, at last the root, which replaces the empty leaf that is there. At least two
    /// leaves must have been added.
    void finish();

private:
    /// Pages of one level that have no parent yet.
    struct Level {
        std::vector<tree::Block> blocks;
        std::vector<float> centroids, spreads;
    };

    void add(std::size_t level, tree::Block block, std::span<const float> centroid, float spread);
    /// Gives every page of the level a parent.
    void group(std::size_t level);
    std::vector<tree::Child> children(const Level& level, const std::vector<std::uint32_t>& chosen) const;

    tree::PageStore& store_;
    const VannGeometry& geometry_;
    const Layout& layout_;
    KmeansOptions kmeans_;
    std::size_t held_max_; ///< Pages without a parent, of one level.
    std::vector<Level> levels_;
};

} // namespace soup::vann
