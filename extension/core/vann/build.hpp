// Bulk build: a sample gives centroids, every row goes to the nearest, a sort brings each cluster's rows
// together, and leaves, then inner pages, are written once each. At the end the index measures itself: see
// calibration.hpp.
//
// Rows of a cluster that are more than a leaf holds are divided further by k-means on just these rows. So the
// sample only has to be good enough to make clusters that fit into memory, and any table can be built within
// any memory.
#pragma once

#include "core/tree/sorter.hpp"
#include "core/vann/calibration.hpp"
#include "core/vann/inner_builder.hpp"
#include "core/vann/leaf_draft.hpp"
#include "core/vann/space.hpp"

#include <memory>
#include <random>
#include <unordered_map>
#include <unordered_set>

namespace soup::vann {

struct BuildOptions {
    std::size_t memory_bytes = 64 << 20; ///< For everything together, the sorter included; kept roughly.
    std::uint64_t expected_rows = 0;     ///< A guess. 0: unknown.
    double leaf_fill = 0.7;              ///< The rest of a leaf is for rows to come.
    std::uint64_t seed = 1;
    std::function<std::unique_ptr<tree::Sorter>(std::size_t memory_bytes)> make_sorter;
    ParallelFor parallel_for = run_serially;
    /// Fetches a row's vector (dimensions floats) when the index measures itself; false if it is gone.
    /// Without it the 8-bit codes are taken for the truth.
    std::function<bool(tree::HeapAddress, float* vector)> fetch;
    /// Called when writing is done and measuring begins.
    std::function<void()> on_measuring = [] {};
};

/// sample() for about sample_rows() rows, train(), add() for every row, finish(). Vectors are as the user
/// gave them.
class Builder {
public:
    /// The store holds an index that was just created with these parameters, whose mean is no_block.
    Builder(tree::PageStore& store, const Parameters& parameters, BuildOptions options);

    std::size_t sample_rows() const noexcept;
    void sample(const float* vector);
    void train();
    /// False: the row is not indexed (a vector without direction under cosine).
    bool add(const float* vector, tree::HeapAddress address, std::span<const std::byte> keys);
    /// Writes the tree, and what was found to the metapage.
    void finish();

    const Parameters& parameters() const noexcept { return parameters_; }
    std::uint64_t rows() const noexcept { return rows_; }

private:
    /// The rows of one cluster, equal ones under one point.
    struct Gathered {
        std::vector<float> points;
        std::vector<std::byte> keys;
        struct Row {
            std::uint32_t point;
            tree::HeapAddress address;
        };
        std::vector<Row> rows;
        std::unordered_multimap<std::uint64_t, std::uint32_t> by_hash; ///< Points.
        std::size_t count = 0;                                         ///< Of points.

        void clear();
    };
    /// What takes one slot of a leaf: one row, or all rows of a point.
    struct Slot {
        std::uint32_t point;
        std::size_t first, count; ///< Of the rows in the order of their points.
    };

    std::size_t target() const noexcept;
    std::vector<float> mean_of_sample() const;
    void keep_for_measuring(const float* point, tree::HeapAddress address);
    void gather(std::span<const std::byte> stored);
    void write_cluster();
    std::vector<Slot> make_slots();
    void write_leaves(std::span<const Slot> slots);
    void write_leaf(std::span<const Slot> slots);
    void write_pending();
    void write_root_leaf();
    void measure();
    void write_parameters();
    std::span<const std::byte> keys_of(std::size_t row) const noexcept;
    const float* point(std::uint32_t number) const noexcept;

    tree::PageStore& store_;
    Parameters parameters_;
    BuildOptions options_;
    VannGeometry geometry_;
    const Layout& layout_;
    KmeansOptions kmeans_;
    std::mt19937_64 random_;

    std::size_t sample_stride_;
    std::vector<float> sample_;
    std::uint64_t sampled_ = 0;

    std::unique_ptr<Space> space_;
    Clusters clusters_;
    Clusters::Scratch scratch_;
    std::vector<float> point_;
    std::vector<std::byte> stored_;
    std::size_t stored_dims_; ///< Coordinates of a point that any page sees.
    std::unique_ptr<tree::Sorter> sorter_;
    std::uint64_t rows_ = 0;
    std::vector<CalibrationQuery> queries_;
    std::size_t queries_wanted_;

    Gathered gathered_;
    std::unordered_set<std::uint64_t> kept_apart_; ///< Queries that have no part in centroids, by address.
    LeafDraft draft_, pending_;
    bool has_pending_ = false;
    std::uint64_t leaves_ = 0;
    InnerBuilder inner_;
};

} // namespace soup::vann
