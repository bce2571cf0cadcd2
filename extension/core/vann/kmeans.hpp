// Hierarchical k-means: divides points into clusters of about equal size, and finds a point's cluster again
// by a descent with a small beam. This is the bulk builder's idea of which leaf a row belongs to; what is
// stored is made from the rows themselves.
//
// Rows are expected to be rotated (see rotation.hpp): with many dimensions the first few hundred coordinates
// are taken for a good guess of all. Distances are taken by the machine's own kernels, so two instruction
// sets may build slightly different trees. That is allowed: every tree is right, and what its pages hold is
// encoded exactly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace soup::vann {

/// Runs body(i) for every i below n, on as many threads as the caller likes.
using ParallelFor = std::function<void(std::size_t n, const std::function<void(std::size_t)>& body)>;
void run_serially(std::size_t n, const std::function<void(std::size_t)>& body);

/// Rows of floats that belong to someone else.
struct Rows {
    const float* values = nullptr;
    std::size_t count = 0, dimensions = 0;

    const float* row(std::size_t i) const noexcept { return values + i * dimensions; }
};

struct KmeansOptions {
    std::uint64_t seed = 1;
    unsigned iterations = 8; ///< Of each small k-means.
    ParallelFor parallel_for = run_serially;
    std::function<void()> check_interrupts = [] {}; ///< Called by the calling thread every few milliseconds.
};

/// A group number for each row.
struct Division {
    std::vector<std::uint32_t> group;
    std::size_t groups = 0;
};

/// Divides rows into about `wanted` groups of about equal size, none empty. Equal rows stay together, so
/// there may be fewer groups.
Division divide(const Rows& rows, std::size_t wanted, const KmeansOptions& options);

/// The same with a limit: no group has more than `most` rows, for which equal rows are separated where
/// needed.
Division divide_within(const Rows& rows, std::size_t wanted, std::size_t most, const KmeansOptions& options);

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
        std::vector<Near> beam, children;
    };
    /// There must be a cluster.
    Near nearest(const float* point, Scratch& scratch) const;

private:
    struct Level {
        std::size_t count = 0;
        std::vector<float> centroids;
        /// Children of node i: children[first[i]] up to children[first[i + 1]], of the level below.
        std::vector<std::uint32_t> first, children;
    };

    void build_hierarchy(std::vector<float> centroids, const KmeansOptions& options);
    Division assign(const Rows& sample, const KmeansOptions& options) const;
    void keep_nearest(const Level& level, const float* point, std::vector<Near>& nodes,
                      std::size_t wanted) const;

    std::size_t dimensions_ = 0;
    std::vector<Level> levels_; ///< Top first.
};

} // namespace soup::vann
