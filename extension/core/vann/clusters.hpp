// The clusters of a bulk build: made by k-means on a sample, found again by a descent with a small beam. They
// are the builder's idea of which leaf a row belongs to; what is stored is made from the rows themselves.
#pragma once

#include "core/vann/kmeans.hpp"

namespace soup::vann {

/// Clusters and the hierarchy above them.
class Clusters {
public:
    /// Divides `sample` into about `wanted` clusters of about equal size. No sample: no cluster.
    static Clusters train(const Rows& sample, std::size_t wanted, const KmeansOptions& options);

    std::size_t count() const noexcept { return levels_.empty() ? 0 : levels_.back().count; }
    const float* centroid(std::size_t cluster) const noexcept {
        return &levels_.back().centroids[cluster * dimensions_];
    }
    std::size_t memory_bytes() const noexcept;

    /// For another process of the same library.
    std::vector<std::byte> to_bytes() const;
    static Clusters from_bytes(std::span<const std::byte> bytes);

    struct Near {
        float distance; ///< Squared.
        std::uint32_t cluster;
    };
    /// Working space of nearest(), one a thread.
    struct Scratch {
        std::vector<std::uint32_t> beam;
        std::vector<float> distances, padded, nearer;
        std::vector<std::uint16_t> places;
        std::vector<std::int16_t> point; ///< In whole numbers.
    };
    /// There must be a cluster.
    Near nearest(const float* point, Scratch& scratch) const;

private:
    struct Level {
        std::size_t count = 0;
        std::vector<float> centroids;
        /// Children of node i: children[first[i]] up to children[first[i + 1]], of the level below.
        std::vector<std::uint32_t> first, children;
        /// Of each child, in this order, what is seen of it relative to its parent: see code.hpp.
        std::vector<std::int8_t> codes;
        std::vector<float> b, f;
    };

    void build_hierarchy(std::vector<float> centroids, const KmeansOptions& options);
    Division assign(const Rows& sample, const KmeansOptions& options) const;
    std::size_t seen_dims() const noexcept;
    std::size_t coded_dims() const noexcept { return (seen_dims() + 7) / 8 * 8; }
    void encode_children();
    const float* node(const Level& level, std::uint32_t number) const noexcept {
        return &level.centroids[number * dimensions_];
    }

    std::size_t dimensions_ = 0;
    std::vector<Level> levels_; ///< Top first.
};

} // namespace soup::vann
