// Bulk build: a sample gives centroids, every row goes to the nearest, a sort brings each cluster's rows
// together, and leaves, then inner pages, are written once each. At the end the index measures itself: see
// calibration.hpp.
//
// The sample only has to be good enough to make clusters that fit into memory: what is more than a leaf holds
// is divided further. So any table can be built within any memory.
#pragma once

#include "core/tree/sorter.hpp"
#include "core/vann/assignment.hpp"
#include "core/vann/calibration.hpp"
#include "core/vann/space.hpp"

#include <memory>
#include <optional>
#include <random>

namespace soup::vann {

struct BuildOptions {
    std::size_t memory_bytes = 64 << 20; ///< For everything together, the sorter included; kept roughly.
    std::uint64_t expected_rows = 0;     ///< A guess. 0: unknown.
    double leaf_fill = 0.7;              ///< The rest of a leaf is for rows to come.
    std::uint64_t seed = 1;
    std::function<std::unique_ptr<tree::Sorter>(std::size_t memory_bytes)> make_sorter;
    unsigned trainers = 0; ///< Threads that help in train() and finish().
    FetchVector fetch;     ///< For measure().
    /// Among how many processes memory is divided while they load rows together; see clusters().
    unsigned loaders = 1;
};

/// sample() for about sample_rows() rows, train(), add() for every row, finish(), measure(). Vectors are as
/// the user gave them.
class Builder {
public:
    /// The store holds an index that was just created with these parameters, whose mean is no_block.
    Builder(tree::PageStore& store, const Parameters& parameters, BuildOptions options);

    std::size_t sample_rows() const noexcept;
    void sample(const float* vector);
    /// The metapage names the mean from now on.
    void train();
    /// False: the row is not indexed (a vector without direction under cosine).
    bool add(const float* vector, tree::HeapAddress address, std::span<const std::byte> keys);
    /// Writes the tree.
    void finish();
    /// Measures recall, with rows as queries, and writes what was found to the metapage.
    void measure();

    // Other processes may add rows too, each by an Assigner with clusters() and a sorter whose rows come out
    // of the builder's own sorter. How many there are has to be said by the time when sort() of that one
    // ends.
    const Clusters& clusters() const noexcept { return clusters_; }
    void add_elsewhere(std::uint64_t rows) { assigner().add_elsewhere(rows); }

    // Likewise measure(): by measure_rows() of queries() in any number of processes.
    const std::vector<RowQuery>& queries() const noexcept { return queries_; }
    void measure(QueryQueue& queue, Tally& tally);
    void write_calibration(const Tally& sum);

    const Parameters& parameters() const noexcept { return parameters_; }
    std::uint64_t rows() const noexcept { return rows_; }

private:
    std::size_t target() const noexcept;
    std::vector<float> mean_of_sample() const;
    Assigner& assigner();
    void write_parameters();

    tree::PageStore& store_;
    Parameters parameters_;
    BuildOptions options_;
    VannGeometry geometry_;
    const Layout& layout_;
    KmeansOptions kmeans_;
    std::mt19937_64 random_; ///< Chooses the sample, and the queries.

    std::size_t sample_stride_;
    std::vector<float> sample_;
    std::uint64_t sampled_ = 0;

    std::unique_ptr<Space> space_;
    Clusters clusters_;
    std::unique_ptr<tree::Sorter> sorter_;
    std::optional<Assigner> assigner_;
    std::uint64_t rows_ = 0; ///< Known when they are sorted.
    std::vector<RowQuery> queries_;
};

} // namespace soup::vann
