// The anomaly score: how far a window is from the fit windows that are most like it.
//
// Mean distance to the 5 nearest reference windows, in feature space: squared, each is the distance along the
// axes plus what the axes leave over of the window. Measured on NAB and SKAB (docs/processors.md) against
// Mahalanobis distance, whitened axes, and the left-over part alone: none is best everywhere, this one is
// never far behind.
#pragma once

#include "core/processors/lanes.hpp"
#include "core/processors/projection.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace soup::processors {

class NeighbourScore {
public:
    static constexpr std::size_t neighbours = 5;

    /// `references` is [window][dimension].
    NeighbourScore(const std::vector<float>& references, std::size_t dimensions);

    /// Not yet in any unit. References for which `counts(r)` is false are left out; 0 when none is left.
    template<typename DoesCount>
    float distance(const Coordinates& window, DoesCount&& counts) const;
    float distance(const Coordinates& window) const {
        return distance(window, [](std::size_t) { return true; });
    }

private:
    float squared_distance(const float* left, const float* right) const;

    std::size_t padded_;
    std::vector<float> references_; ///< [window][padded]
};

template<typename DoesCount>
float NeighbourScore::distance(const Coordinates& window, DoesCount&& counts) const {
    std::array<float, neighbours> nearest;
    nearest.fill(std::numeric_limits<float>::infinity());
    std::size_t found = 0;
    for (std::size_t r = 0; r * padded_ < references_.size(); r++) {
        if (!counts(r)) continue;
        found++;
        float candidate = squared_distance(window.values.data(), references_.data() + r * padded_);
        if (!(candidate < nearest.back())) continue;
        for (float& kept : nearest)
            if (candidate < kept) std::swap(candidate, kept);
    }
    const std::size_t used = std::min(found, neighbours);
    if (used == 0) return 0;
    float sum = 0;
    for (std::size_t n = 0; n < used; n++)
        sum += std::sqrt(nearest[n] + window.left_over);
    return sum / static_cast<float>(used);
}

} // namespace soup::processors
