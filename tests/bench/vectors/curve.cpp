// Points that another one beats in both are not on the curve.
#include "tests/bench/vectors/curve.hpp"

#include <algorithm>
#include <cmath>

namespace soup::bench {

std::optional<double> rate_at(std::vector<CurvePoint> curve, double recall) {
    std::sort(curve.begin(), curve.end(), [](auto& a, auto& b) {
        return a.recall != b.recall ? a.recall > b.recall : a.queries_per_second > b.queries_per_second;
    });
    // From the best recall down, only what is faster than everything before.
    std::vector<CurvePoint> hull;
    for (auto& point : curve)
        if (hull.empty() || point.queries_per_second > hull.back().queries_per_second) hull.push_back(point);
    if (hull.empty() || hull.front().recall < recall) return std::nullopt;
    for (std::size_t i = 1; i < hull.size(); ++i) {
        const CurvePoint &above = hull[i - 1], &below = hull[i];
        if (below.recall > recall) continue;
        const double part = (recall - below.recall) / (above.recall - below.recall);
        return std::exp(part * std::log(above.queries_per_second) +
                        (1 - part) * std::log(below.queries_per_second));
    }
    return hull.back().queries_per_second;
}

} // namespace soup::bench
