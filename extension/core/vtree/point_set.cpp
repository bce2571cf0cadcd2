// A division looks at the points through their numbers: it gathers one coordinate beside each number,
// partitions these pairs, and writes the numbers back. The points themselves stay where they are.
#include "core/vtree/point_set.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace soup::vtree {

void PointSet::number_all() {
    order_.resize(size());
    keys_.resize(size());
    std::iota(order_.begin(), order_.end(), std::uint32_t{0});
}

void PointSet::divide(std::size_t parts, const std::function<void()>& between,
                      const std::function<void(std::span<std::uint32_t>)>& take) {
    number_all();
    if (parts >= 4 * parts_at_a_time) return divide_in_cells(parts, between, take);
    divide(order_, parts, between, take);
}

/// The first divisions by a sample's: each would look at all points in any order, and the cache holds few.
void PointSet::divide_in_cells(std::size_t parts, const std::function<void()>& between,
                               const std::function<void(std::span<std::uint32_t>)>& take) {
    constexpr std::size_t sampled_per_cell = 100;
    const std::size_t cells_wanted = parts / parts_at_a_time;
    const std::size_t step = std::max<std::size_t>(1, size() / (cells_wanted * sampled_per_cell));
    PointSet sample(dimensions_);
    for (std::size_t i = 0; i < size(); i += step)
        sample.add(point(static_cast<std::uint32_t>(i)));
    const Cells cells = sample.divide_into_cells(cells_wanted, between);

    std::vector<std::size_t> ends(cells.count());
    for (std::uint32_t i = 0; i < size(); ++i) {
        if (i % between_points == 0) between();
        const auto cell = static_cast<std::uint32_t>(cells.cell_of(point(i)));
        keys_[i].second = cell;
        ++ends[cell];
    }
    std::exclusive_scan(ends.begin(), ends.end(), ends.begin(), std::size_t{0});
    for (std::uint32_t i = 0; i < size(); ++i) {
        if (i % between_points == 0) between();
        order_[ends[keys_[i].second]++] = i;
    }

    const std::size_t most = (size() + parts - 1) / parts; // Of a part.
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
        const auto some = std::span(order_).subspan(begin, end - begin);
        if (!some.empty()) divide(some, (some.size() + most - 1) / most, between, take);
        begin = end;
    }
}

void PointSet::divide(std::span<std::uint32_t> some, std::size_t parts, const std::function<void()>& between,
                      const std::function<void(std::span<std::uint32_t>)>& take) {
    if (parts <= 1) return take(some);
    between();
    const std::size_t parts_left = parts / 2;
    const std::size_t left = some.size() * parts_left / parts;
    partition(some, left, longest_side(some));
    divide(some.first(left), parts_left, between, take);
    divide(some.subspan(left), parts - parts_left, between, take);
}

Cells PointSet::divide_into_cells(std::size_t cells, const std::function<void()>& between) {
    Cells result;
    const std::size_t most = std::max<std::size_t>(1, std::min(cells, size() / 4));
    result.planes_.resize(std::bit_floor(most));
    number_all();
    place_planes(order_, 1, between, result);
    return result;
}

void PointSet::place_planes(std::span<std::uint32_t> some, std::size_t node,
                            const std::function<void()>& between, Cells& into) {
    if (node >= into.planes_.size()) return;
    between();
    const unsigned dimension = longest_side(some);
    const std::size_t left = some.size() / 2;
    partition(some, left, dimension);
    into.planes_[node] = {dimension, point(some[left])[dimension]};
    place_planes(some.first(left), 2 * node, between, into);
    place_planes(some.subspan(left), 2 * node + 1, between, into);
}

unsigned PointSet::longest_side(std::span<const std::uint32_t> some) const {
    constexpr unsigned most = 16;
    float lower[most], upper[most];
    std::copy_n(point(some[0]), dimensions_, lower);
    std::copy_n(point(some[0]), dimensions_, upper);
    for (const std::uint32_t number : some) {
        const float* at = point(number);
        for (unsigned j = 0; j < dimensions_; ++j) {
            lower[j] = at[j] < lower[j] ? at[j] : lower[j];
            upper[j] = at[j] > upper[j] ? at[j] : upper[j];
        }
    }
    unsigned longest = 0;
    for (unsigned j = 1; j < dimensions_; ++j)
        // Halves: a side may be longer than the greatest float.
        if (upper[j] / 2 - lower[j] / 2 > upper[longest] / 2 - lower[longest] / 2) longest = j;
    return longest;
}

void PointSet::partition(std::span<std::uint32_t> some, std::size_t left, unsigned dimension) {
    const auto keys = std::span(keys_).first(some.size());
    for (std::size_t i = 0; i < some.size(); ++i)
        keys[i] = {point(some[i])[dimension], some[i]};
    std::nth_element(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(left), keys.end());
    for (std::size_t i = 0; i < some.size(); ++i)
        some[i] = keys[i].second;
}

} // namespace soup::vtree
