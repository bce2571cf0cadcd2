// One cluster's leaves, made of its rows' slots without the store, so that several threads can make several
// clusters' at a time.
//
// What is more than a leaf holds is divided further by k-means on just these rows; what fits, but whose codes
// would say too little (see division.hpp), into halves.
#pragma once

#include "core/vann/cluster_rows.hpp"
#include "core/vann/kmeans.hpp"
#include "core/vann/leaf_draft.hpp"

namespace soup::vann {

class ClusterLeaves {
public:
    explicit ClusterLeaves(const Layout& layout) : layout_(layout) {}

    /// Leaves of about `target` slots.
    void make(std::span<const ClusterRows::Slot> slots, std::size_t target, const KmeansOptions& options);
    /// What was made last. Whoever needs a draft longer may swap it for another.
    std::span<LeafDraft> drafts() noexcept { return std::span(drafts_).first(count_); }

private:
    void make_early_divided(std::span<const ClusterRows::Slot> slots);
    void make_one(std::span<const ClusterRows::Slot> slots);

    const Layout& layout_;
    std::vector<LeafDraft> drafts_; ///< Their memory is used again.
    std::size_t count_ = 0;
};

} // namespace soup::vann
