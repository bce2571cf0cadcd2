// Hierarchical k-means: divides points into groups of about equal size.
//
// Rows are expected to be rotated (see rotation.hpp): with many dimensions the first few hundred coordinates
// are taken for a good guess of all. Distances are taken by the machine's own kernels, so two instruction
// sets may build slightly different trees. That is allowed: every tree is right, and what its pages hold is
// encoded exactly.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
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
    std::function<void()> check_interrupts = [] {}; ///< Called by each thread every few milliseconds.
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

/// The group of a row that has none.
inline constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();
/// The mean of each group.
std::vector<float> means(const Rows& rows, const Division& division);

/// At most so many parts are made by one small k-means.
inline constexpr std::size_t fan_out = 40;

/// Calls body(from, to) for pieces of [0, n).
template<class Body>
void in_chunks(std::size_t n, const KmeansOptions& options, Body&& body) {
    constexpr std::size_t chunk = 512, pieces_at_once = 16; // Rows between two checks for interrupts.
    for (std::size_t start = 0; start < n; start += chunk * pieces_at_once) {
        options.check_interrupts();
        const std::size_t end = std::min(n, start + chunk * pieces_at_once);
        options.parallel_for((end - start + chunk - 1) / chunk, [&](std::size_t piece) {
            const std::size_t from = start + piece * chunk;
            body(from, std::min(end, from + chunk));
        });
    }
}

} // namespace soup::vann
