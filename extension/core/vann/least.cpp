// The numbers below the bound so far gather until there are twice as many as wanted; then the farther half
// goes.
#include "core/vann/least.hpp"

#include "core/simd/dispatch.hpp"

#include <algorithm>
#include <cmath>

namespace soup::vann {

float Bound::limit() const noexcept {
    return equal == 0 ? below : std::nextafter(below, std::numeric_limits<float>::infinity());
}

Bound Least::find(std::span<const float> numbers, std::size_t wanted) {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    if (wanted == 0) return {.below = -infinity};
    if (wanted >= numbers.size()) return {};
    const simd::CodeKernels& kernels = simd::kernels().codes;
    least_.resize(2 * wanted + read_at_once);
    std::size_t count = 0;
    float below = infinity;
    const auto keep_wanted = [&] {
        const auto last = least_.begin() + static_cast<std::ptrdiff_t>(wanted - 1);
        std::nth_element(least_.begin(), last, least_.begin() + static_cast<std::ptrdiff_t>(count));
        count = wanted;
        below = *last;
    };
    for (std::size_t at = 0; at < numbers.size(); at += read_at_once) {
        const std::size_t some = std::min(read_at_once, numbers.size() - at);
        count += kernels.select_below(&numbers[at], some, below, places_, &least_[count]);
        if (count >= 2 * wanted) keep_wanted();
    }
    if (count < wanted) return {};
    keep_wanted();
    const auto end = least_.begin() + static_cast<std::ptrdiff_t>(wanted);
    return {.below = below, .equal = static_cast<std::size_t>(std::count(least_.begin(), end, below))};
}

} // namespace soup::vann
