// How far a float distance may be trusted.
//
// A squared distance is a sum of at most 16 squares. Each difference of two floats is rounded monotonously,
// so the nearest point of a box never has larger terms than a point in the box. What is left is the rounding
// of the products and the sum: a relative (n + 1) · 2^-24 for each of the two sums that are compared, in
// whatever order and with or without fusing, below 2.1e-6 for 16 dimensions. `slack` is five times that.
// Below `smallest` a product may lose more than that share to the end of float's range, so nothing is claimed
// there.
#pragma once

#include <algorithm>
#include <limits>

namespace soup::vtree {

inline constexpr float slack = 1e-5f;
inline constexpr float smallest = 0x1p-100f;

/// No more than any correct sum whose float value is `squared` can be; finite also where float overflowed,
/// and 0 for what only a damaged page can have.
inline float at_least(float squared) noexcept {
    if (!(squared >= smallest)) return 0.0f;
    return std::min(squared, std::numeric_limits<float>::max()) * (1.0f - slack);
}

/// No less than any correct sum whose float value is `squared` can be.
inline float at_most(float squared) noexcept {
    return std::max(squared, smallest) * (1.0f + slack);
}

} // namespace soup::vtree
