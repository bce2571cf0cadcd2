// The part of a bulk build that every row goes through: to a point, to the nearest cluster, into a sorter
// under the cluster's number. Several processes may each have an Assigner, on the same clusters and with a
// sorter of their own; what they found is added up.
#pragma once

#include "core/tree/sorter.hpp"
#include "core/vann/clusters.hpp"
#include "core/vann/space.hpp"

namespace soup::vann {

/// A row as the sorter keeps it: the coordinates that any page sees, the keys, the address.
struct StoredRow {
    std::span<const std::byte> point, keys;
    tree::HeapAddress address;
};
/// Coordinates of a point that any page sees.
std::size_t stored_dims(const Layout& layout) noexcept;
StoredRow read_stored(const Layout& layout, std::span<const std::byte> bytes) noexcept;

class Assigner {
public:
    /// All of it stays the caller's.
    Assigner(const Layout& layout, const Space& space, const Clusters& clusters, tree::Sorter& into)
        : layout_(layout), space_(space), clusters_(clusters), into_(into), point_(layout.padded) {}

    /// False: the row is not indexed (a vector without direction under cosine).
    bool add(const float* vector, tree::HeapAddress address, std::span<const std::byte> keys);

    std::uint64_t rows() const noexcept { return rows_; }
    /// Rows that went into the same clusters by another Assigner.
    void add_elsewhere(std::uint64_t rows) noexcept { rows_ += rows; }

private:
    const Layout& layout_;
    const Space& space_;
    const Clusters& clusters_;
    tree::Sorter& into_;
    std::uint64_t rows_ = 0;
    std::vector<float> point_;
    std::vector<std::byte> stored_;
    Clusters::Scratch scratch_;
};

} // namespace soup::vann
