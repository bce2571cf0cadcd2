// Of the columns' minima the `wanted` least are numbers themselves, so the last of them bounds the wanted
// ones. With half as many columns again as are wanted, about two thirds more than those lie below it.
#include "core/vann/least.hpp"

#include "core/simd/dispatch.hpp"

#include <algorithm>
#include <cmath>

namespace soup::vann {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

constexpr std::size_t ranked_max = 96; ///< More are sorted out sooner than all are compared with all.

/// The number at place `rank` in ascending order of the first `count`, which change their order. There is
/// room for 16 more.
float number_at(float* numbers, std::size_t count, std::size_t rank) {
    if (count > ranked_max) {
        std::nth_element(numbers, numbers + rank, numbers + count);
        return numbers[rank];
    }
    const std::size_t padded = (count + 15) / 16 * 16;
    std::fill(numbers + count, numbers + padded, infinity);
    return simd::kernels().codes.at_rank(numbers, padded, rank);
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
        limit = std::nextafter(number_at(minima_.data(), columns, wanted - 1), infinity);
    }
    const std::size_t count = below_.copy(numbers, limit, least_);
    if (count < wanted) return {};
    const float below = number_at(least_.data(), count, wanted - 1);
    const auto less =
        std::count_if(least_.data(), least_.data() + count, [below](float number) { return number < below; });
    return {.below = below, .equal = wanted - static_cast<std::size_t>(less)};
}

} // namespace soup::vann
