// The second half of a bulk build: rows come cluster by cluster, leaves are written, then the inner pages
// above them.
//
// Leaves of a batch of clusters are made at a time, each cluster's by one of several threads, while the
// calling thread writes the batch before and gathers the next. What touches the store, it does, in the
// clusters' order. So the tree is the same, however many threads there are.
#pragma once

#include "core/vann/cluster_leaves.hpp"
#include "core/vann/inner_builder.hpp"
#include "core/vann/trainers.hpp"

#include <array>
#include <memory>

namespace soup::vann {

class LeafWriter {
public:
    struct Limits {
        std::size_t leaf_target;  ///< Slots of a new leaf.
        std::size_t memory_bytes; ///< For clusters' rows; and as much again for the inner pages' children.
        unsigned trainers;        ///< Threads that help.
    };
    LeafWriter(tree::PageStore& store, const VannGeometry& geometry, const Limits& limits,
               const KmeansOptions& kmeans);

    void add(const StoredRow& row, bool is_apart);
    /// Of the cluster whose rows are being added, different ones.
    std::size_t points() const noexcept { return gathering_->open().rows.points(); }
    void end_cluster();
    /// Writes what is left, and the inner pages.
    void finish();

private:
    struct Cluster {
        explicit Cluster(const Layout& layout) : rows(layout), leaves(layout) {}
        ClusterRows rows;
        std::vector<ClusterRows::Slot> slots;
        ClusterLeaves leaves;
    };
    struct Batch {
        std::vector<std::unique_ptr<Cluster>> clusters; ///< Their memory is used again.
        std::size_t ended = 0, points = 0;              ///< Of these; the one after them is open.

        Cluster& open() const noexcept { return *clusters[ended]; }
    };

    void open_cluster();
    /// Of the batch that is gathered leaves are made from now on; those of the other one are written.
    void hand_over();
    void write(Batch& batch);
    void write_pending();
    void write_root();

    tree::PageStore& store_;
    const Layout& layout_;
    const Limits limits_;
    const std::size_t points_max_; ///< Of a batch.
    std::array<Batch, 2> batches_;
    Batch *gathering_ = &batches_[0], *making_ = &batches_[1];
    LeafDraft pending_; ///< Waits for the next one, because the only leaf of an index is its root.
    std::uint64_t made_ = 0, leaves_ = 0;
    InnerBuilder inner_;
    KmeansOptions thread_options_;
    std::function<void(std::size_t)> make_;
    Trainers trainers_; ///< Last: they end before what they use.
};

} // namespace soup::vann
