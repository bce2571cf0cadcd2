// Recall as a setting: which reach, margin and re-rank depth find how many of the ten nearest, measured on
// the index itself.
//
// A query is a row of the index that is left out of its own answer, and whose leaf is judged as if the row
// had never been in it, so that it stands for a vector that the index has not seen. The truth comes from
// ranking the best few hundred of (nearly) all entries by their details, and by the vectors themselves where
// the caller can fetch them.
#pragma once

#include "core/vann/assignment.hpp"
#include "core/vann/search.hpp"

#include <array>
#include <atomic>

namespace soup::vann {

struct CalibrationQuery {
    std::vector<float> point;
    tree::HeapAddress self{}; ///< The row that it is, to be left out; offset 0: none.
    /// Whether the row had a part in its leaf's centroid.
    enum class Counted : std::uint8_t { in_centroid, apart } counted = Counted::in_centroid;
};

/// The order (as in score.hpp) between a query and a row, from the row's own vector; no value if the row
/// cannot be fetched. An empty function leaves the details' word as final.
using ExactOrder = std::function<std::optional<float>(const CalibrationQuery&, tree::HeapAddress)>;

/// How many queries are worth their time in an index of so many rows.
std::size_t calibration_queries(std::uint64_t rows) noexcept;

/// Draws rows of the index. Raises XX002 if a leaf's detail page is another's.
std::vector<CalibrationQuery> draw_queries(tree::PageStore& store, const VannGeometry& geometry,
                                           std::size_t wanted, std::uint64_t seed);

/// The choices that are measured: which inner pages a search opens, how far it reaches among the leaves that
/// it knows, entries that it ranks by their details.
inline constexpr std::array<float, 14> margins{0,    0.2F, 0.3F, 0.4F,  0.5F,  0.6F, 0.7F,
                                               0.8F, 0.9F, 1.0F, 1.15F, 1.35F, 1.8F, 3.0F};
inline constexpr std::array<unsigned, 18> depths{10, 12, 14, 16, 20, 24,  28,  32,  40,
                                                 48, 56, 64, 80, 96, 128, 160, 192, 256};

inline constexpr auto reaches = [] {
    std::array<float, 56> reaches{};
    for (std::size_t i = 0; i < reaches.size(); i++)
        reaches[i] = i <= 40 ? -0.2F + 0.02F * static_cast<float>(i) : 1.15F * reaches[i - 1];
    return reaches;
}();

/// What queries found, summed up, for every choice. Large: keep it on the heap.
struct Tally {
    double found[margins.size()][reaches.size()][depths.size()] = {};
    double leaves[margins.size()][reaches.size()] = {}; ///< That were read.
    double deeper[margins.size()][reaches.size()] = {}; ///< See deepened().
    double opened[margins.size()] = {};                 ///< Inner pages.
    std::uint64_t queries = 0;

    /// Of so many a search will say whether a query has many; no limit before there was a mean.
    unsigned mean_leaves(std::size_t m, std::size_t r) const noexcept;
    void add(const Tally& other) noexcept;
};

/// Which query comes next: shared by all processes that measure together.
struct QueryQueue {
    std::atomic<std::uint64_t> next = 0;
    std::atomic<std::uint64_t> scanned = 0; ///< Leaves.
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "it lies in shared memory");

/// Makes the query of this number; false if there is none. Numbers below `queries` come in their order, each
/// once.
using MakeQuery = std::function<bool(std::size_t number, CalibrationQuery&)>;

/// Measures with queries from the queue until it is empty, or enough were measured.
void measure(tree::PageStore& store, const VannGeometry& geometry, std::size_t queries, const MakeQuery& make,
             const ExactOrder& exact, QueryQueue& queue, Tally& tally);
Calibration choose_settings(const Tally& tally, std::uint64_t rows);

/// Both, with queries that are at hand.
Calibration calibrate(tree::PageStore& store, const VannGeometry& geometry,
                      std::span<const CalibrationQuery> queries, const ExactOrder& exact, std::uint64_t rows);

/// Fetches a row's vector, as the user gave it; false if it is gone.
using FetchVector = std::function<bool(tree::HeapAddress, float* vector)>;
/// The order by rows' own vectors. The space has to outlive it.
ExactOrder exact_order(const Space& space, Metric metric, FetchVector fetch);

/// Measures with rows of the index as queries.
struct RowQuery {
    tree::HeapAddress row;
    CalibrationQuery::Counted counted;
};
void measure_rows(tree::PageStore& store, const VannGeometry& geometry, const Space& space,
                  std::span<const RowQuery> queries, const FetchVector& fetch, QueryQueue& queue,
                  Tally& tally);

/// Whether an index of so many rows has to be measured anew.
bool is_outdated(const Calibration& calibration, std::uint64_t rows) noexcept;

/// What to search with to reach `recall`. An index that was never measured gets a cautious guess.
SearchSettings settings_for(const Calibration& calibration, double recall) noexcept;

} // namespace soup::vann
