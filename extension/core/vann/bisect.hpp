// Dividing points into two halves: k-means with two centres.
#pragma once

#include <cstdint>
#include <vector>

namespace soup::vann {

/// Points one after another, `dims` floats each; the bisection looks at the first `seen` of them.
struct Points {
    std::vector<float> floats;
    unsigned count = 0, dims = 0, seen = 0;

    const float* operator[](unsigned point) const noexcept {
        return floats.data() + std::size_t{point} * dims;
    }
    float* operator[](unsigned point) noexcept { return floats.data() + std::size_t{point} * dims; }
};

/// Which points go right; neither half has fewer than `least` points, as far as there are so many. Equal
/// points, or ones that nothing tells apart, are divided half and half. At least two points.
std::vector<bool> bisect(const Points& points, unsigned least);

/// The mean of the points of one side, `seen` floats.
std::vector<float> mean_of_side(const Points& points, const std::vector<bool>& is_right, bool right);

} // namespace soup::vann
