// Recall as a setting: which probes, beam and re-rank depth find how many of the ten nearest, measured on the
// index itself.
//
// A query is a row of the index that is left out of its own answer, and whose leaf is judged as if the row
// had never been in it, so that it stands for a vector that the index has not seen. The truth comes from
// ranking the best few hundred of (nearly) all entries by their details, and by the vectors themselves where
// the caller can fetch them.
#pragma once

#include "core/vann/search.hpp"

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

/// Draws rows of the index.
std::vector<CalibrationQuery> draw_queries(tree::PageStore& store, const VannGeometry& geometry,
                                           std::size_t wanted, std::uint64_t seed);

Calibration calibrate(tree::PageStore& store, const VannGeometry& geometry,
                      std::span<const CalibrationQuery> queries, const ExactOrder& exact, std::uint64_t rows);

/// What to search with to reach `recall`. An index that was never measured gets a cautious guess.
SearchSettings settings_for(const Calibration& calibration, double recall) noexcept;

} // namespace soup::vann
