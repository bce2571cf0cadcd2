// Points that another one beats in both are not on the curve.
#include "tests/bench/vectors/curve.hpp"

#include <algorithm>
#include <cmath>

namespace soup::bench {

std::vector<CurvePoint> points_at(std::vector<CurvePoint> curve, double recall) {
    std::sort(curve.begin(), curve.end(), [](auto& a, auto& b) {
        return a.recall != b.recall ? a.recall > b.recall : a.queries_per_second > b.queries_per_second;
    });
    // From the best recall down, only what is faster than everything before.
    std::vector<CurvePoint> hull;
    for (auto& point : curve)
        if (hull.empty() || point.queries_per_second > hull.back().queries_per_second) hull.push_back(point);
    if (hull.empty() || hull.front().recall < recall) return {};
    for (std::size_t i = 1; i < hull.size(); ++i)
        if (hull[i].recall <= recall) return {hull[i - 1], hull[i]};
    return {hull.back()};
}

std::optional<double> rate_at(const std::vector<CurvePoint>& curve, double recall) {
    const std::vector<CurvePoint> points = points_at(curve, recall);
    if (points.empty()) return std::nullopt;
    const CurvePoint &above = points.front(), &below = points.back();
    if (points.size() == 1) return above.queries_per_second;
    const double part = (recall - below.recall) / (above.recall - below.recall);
    return std::exp(part * std::log(above.queries_per_second) +
                    (1 - part) * std::log(below.queries_per_second));
}

} // namespace soup::bench
