// What the tests of building, searching and calibrating share: clustered vectors, and an index built in bulk.
#pragma once

#include "core/vann/build.hpp"
#include "core/vann/search.hpp"
#include "tests/lib/memory_sorter.hpp"
#include "tests/unit/vann_fixture.hpp"

namespace soup::vann::test {

/// Vectors as real data has them: clusters of different density that spread along a few directions of their
/// own.
class Clustered {
public:
    Clustered(unsigned dimensions, unsigned clusters, std::uint64_t seed)
        : dimensions_(dimensions), random_(seed) {
        for (unsigned c = 0; c < clusters; ++c) {
            Cluster cluster{normal(dimensions, random_), {}};
            const float spread = 0.1F + static_cast<float>(random_() % 100) / 100;
            for (unsigned axis = 0; axis < axes; ++axis)
                cluster.axes.push_back(normal(dimensions, random_, spread / std::sqrt(float{axes})));
            clusters_.push_back(std::move(cluster));
        }
    }
    Floats next() {
        const Cluster& cluster = clusters_[random_() % clusters_.size()];
        Floats vector = normal(dimensions_, random_, 0.05F);
        const Floats along = normal(axes, random_);
        for (unsigned i = 0; i < dimensions_; ++i) {
            vector[i] += cluster.centre[i];
            for (unsigned axis = 0; axis < axes; ++axis)
                vector[i] += along[axis] * cluster.axes[axis][i];
        }
        return vector;
    }
    std::vector<Floats> next(std::size_t count) {
        std::vector<Floats> vectors;
        while (vectors.size() < count)
            vectors.push_back(next());
        return vectors;
    }

private:
    static constexpr unsigned axes = 6;
    struct Cluster {
        Floats centre;
        std::vector<Floats> axes;
    };
    unsigned dimensions_;
    std::mt19937_64 random_;
    std::vector<Cluster> clusters_;
};

/// A search that has begun.
struct Asking {
    Asking(VannTree& tree, const Floats& vector, const SearchSettings& settings)
        : query(tree.layout), search(tree.store, tree.geometry) {
        query.prepare(tree.point(vector).data());
        search.start(query, settings);
    }
    Query query;
    Search search;
};

/// A tree that begins with a bulk build. Row i holds vectors[i].
class BuiltTree : public VannTree {
public:
    explicit BuiltTree(const Parameters& parameters) : VannTree(parameters), parameters_(parameters) {}

    BuildOptions options(std::size_t expected_rows) {
        BuildOptions options;
        options.memory_bytes = 64 << 20;
        options.expected_rows = expected_rows;
        options.make_sorter = [](std::size_t) { return std::make_unique<soup::test::MemorySorter>(); };
        return options;
    }
    void build(const std::vector<Floats>& vectors) {
        build(vectors, options(vectors.size()), vectors.size());
    }
    enum class Recall : std::uint8_t { measured, unknown };
    /// `sampled`: so many of the vectors, evenly spread, are the sample.
    void build(const std::vector<Floats>& vectors, BuildOptions with, std::size_t sampled,
               Recall recall = Recall::measured) {
        with.fetch = [&](tree::HeapAddress address, float* vector) {
            std::ranges::copy(vectors[row(address)], vector);
            return true;
        };
        Builder builder(store, parameters_, with);
        for (std::size_t i = 0; i < sampled; ++i)
            builder.sample(vectors[i * vectors.size() / sampled].data());
        builder.train();
        for (std::size_t row = 0; row < vectors.size(); ++row)
            taken += builder.add(vectors[row].data(), address(row), keys(row)) ? 1 : 0;
        builder.finish();
        if (recall == Recall::measured) builder.measure();
        parameters_ = load(tree::meta(store.lock(tree::meta_block, tree::Lock::shared).bytes()));
        EXPECT_EQ(parameters_, builder.parameters());
        Floats mean;
        if (parameters_.mean != tree::no_block)
            mean = read_mean(store, parameters_.mean, parameters_.dimensions);
        space = Space(parameters_, mean);
    }
    const Calibration& calibration() const { return parameters_.calibration; }

    /// The first `wanted` rows that a search returns.
    std::vector<std::uint64_t> nearest(const Floats& vector, const SearchSettings& settings,
                                       std::size_t wanted) {
        const soup::test::MemoryStore::Transaction transaction(store);
        Asking asking(*this, vector, settings);
        std::vector<std::uint64_t> found;
        while (found.size() < wanted) {
            const auto next = asking.search.next();
            if (!next) break;
            found.push_back(row(next->address));
        }
        return found;
    }

    std::uint64_t taken = 0; ///< Rows that the build indexed.

private:
    Parameters parameters_;
};

inline std::vector<std::uint64_t> first_rows(std::uint64_t count) {
    std::vector<std::uint64_t> rows(count);
    std::iota(rows.begin(), rows.end(), 0);
    return rows;
}

/// Queries whose true neighbours are known.
class Asked {
public:
    Asked(const std::vector<Floats>& vectors, std::vector<Floats> queries)
        : vectors_(vectors), queries_(std::move(queries)) {
        for (const Floats& query : queries_) {
            std::vector<double> distances;
            distances.reserve(vectors_.size());
            for (const Floats& vector : vectors_)
                distances.push_back(squared_distance(vector, query));
            std::nth_element(distances.begin(), distances.begin() + 9, distances.end());
            tenth_.push_back(distances[9]);
        }
    }
    /// The share of the ten nearest that ten rows have, on average.
    double recall(BuiltTree& tree, const SearchSettings& settings) const {
        double hits = 0;
        for (std::size_t i = 0; i < queries_.size(); ++i)
            for (const std::uint64_t row : tree.nearest(queries_[i], settings, 10))
                hits += squared_distance(vectors_[row], queries_[i]) <= tenth_[i] ? 1 : 0;
        return hits / static_cast<double>(10 * queries_.size());
    }

private:
    const std::vector<Floats>& vectors_;
    std::vector<Floats> queries_;
    std::vector<double> tenth_;
};

} // namespace soup::vann::test
