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

/// The points on the curve's outer hull between which this recall lies, the better one first; one if all of
/// them are better; none if no point reaches it.
std::vector<CurvePoint> points_at(std::vector<CurvePoint> curve, double recall);

/// Queries a second at this recall: interpolated (logarithm of the rate over recall) between points_at().
std::optional<double> rate_at(const std::vector<CurvePoint>& curve, double recall);

} // namespace soup::bench
