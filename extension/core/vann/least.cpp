// Of the columns' minima the `wanted` least are numbers themselves, so the last of them bounds the wanted
// ones. With half as many columns again as are wanted, about two thirds more than those lie below it.
#include "core/vann/least.hpp"

#include "core/simd/dispatch.hpp"

#include <algorithm>
#include <cmath>

namespace soup::vann {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Puts the `wanted` least first, and returns the last of them.
float keep_least(std::span<float> numbers, std::size_t wanted) {
    const auto last = numbers.begin() + static_cast<std::ptrdiff_t>(wanted - 1);
    std::nth_element(numbers.begin(), last, numbers.end());
    return *last;
}

} // namespace

float Bound::limit() const noexcept {
    return equal == 0 ? below : std::nextafter(below, infinity);
}

std::size_t Below::read(std::span<const float> numbers, std::size_t first, float limit, float* into) {
    return simd::kernels().codes.select_below(&numbers[first], std::min(at_once, numbers.size() - first),
                                              limit, places_, into);
}

std::size_t Below::count(std::span<const float> numbers, float limit) {
    std::size_t count = 0;
    for (std::size_t first = 0; first < numbers.size(); first += at_once)
        count += read(numbers, first, limit, numbers_);
    return count;
}

std::size_t Below::copy(std::span<const float> numbers, float limit, std::vector<float>& into) {
    if (into.size() < numbers.size() + at_once) into.resize(numbers.size() + at_once);
    std::size_t count = 0;
    for (std::size_t first = 0; first < numbers.size(); first += at_once)
        count += read(numbers, first, limit, &into[count]);
    return count;
}

Bound Least::find(std::span<const float> numbers, std::size_t wanted) {
    if (wanted == 0) return {.below = -infinity};
    if (wanted >= numbers.size()) return {};
    float limit = infinity;
    const std::size_t columns = (wanted + wanted / 2 + 16) / 16 * 16;
    if (columns <= numbers.size() / 2) {
        minima_.resize(columns);
        simd::kernels().codes.column_minima(numbers.data(), numbers.size(), columns, minima_.data());
        limit = std::nextafter(keep_least(minima_, wanted), infinity);
    }
    const std::size_t count = below_.copy(numbers, limit, least_);
    if (count < wanted) return {};
    const float below = keep_least(std::span(least_.data(), count), wanted);
    const std::span<const float> kept(least_.data(), wanted);
    return {.below = below, .equal = static_cast<std::size_t>(std::ranges::count(kept, below))};
}

} // namespace soup::vann
