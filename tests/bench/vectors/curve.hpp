// A recall-throughput curve, and what it says at a given recall.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace soup::bench {

struct CurvePoint {
    std::string setting, value;
    double recall;
    double queries_per_second; ///< The best of the rounds.
};

/// Queries a second at this recall: interpolated (logarithm of the rate over recall) between the two
/// neighbours on the curve's outer hull. None if no point reaches it.
std::optional<double> rate_at(std::vector<CurvePoint> curve, double recall);

} // namespace soup::bench
