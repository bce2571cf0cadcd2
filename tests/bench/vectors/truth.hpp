// The exact nearest neighbours, and how many of them an answer has. Recall is counted by distance: whoever is
// as near as the last true neighbour counts, so that equal points may stand for each other.
#pragma once

#include "tests/bench/vectors/dataset.hpp"

#include <span>
#include <string>

namespace soup::bench {

struct Truth {
    std::size_t k = 0;
    std::vector<std::uint32_t> rows; ///< k a query, nearest first.
    std::vector<float> distances;    ///< Squared.

    float limit(std::size_t query, std::size_t depth) const { return distances[query * k + depth - 1]; }
};

/// By comparing everything with everything, on two threads; kept in file `cache` for the next run.
Truth exact_neighbours(const Vectors& base, const Vectors& queries, std::size_t k, const std::string& cache);
/// From a file of row numbers.
Truth given_neighbours(const Vectors& base, const Vectors& queries, std::size_t k, const std::string& path);

/// The share of the `depth` nearest that `found` (row numbers) has.
double recall(const Vectors& base, const Vectors& queries, std::size_t query, const Truth& truth,
              std::size_t depth, std::span<const std::uint32_t> found);

} // namespace soup::bench
