// What is near, in terms of any metric.
#include "core/vann/reach.hpp"

#include <algorithm>
#include <cmath>

namespace soup::vann {

float Nearest::limit(float reach) const noexcept {
    float sum = 0;
    unsigned count = 0;
    for (const float order : orders_)
        if (order != no_order) {
            sum += order;
            count++;
        }
    if (count == 0) return no_order;
    const float mean = sum / static_cast<float>(count);
    return std::min(mean + reach * std::abs(mean), std::numeric_limits<float>::max());
}

/// Of what is so much farther away, the inner product differs by that times the query's length at most.
Within::Within(const Query& query, float limit, float margin) noexcept
    : is_distance_(!query.layout().has_norms()),
      limit_(is_distance_ ? std::sqrt(std::max(limit, 0.0F)) : limit),
      margin_(is_distance_ ? margin : margin * std::sqrt(query.squared_norm())) {}

} // namespace soup::vann
