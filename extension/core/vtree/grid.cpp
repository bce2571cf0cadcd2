// A point x lies in cell floor((x - lower) · cells / (upper - lower)), in double; a border is the least float
// of which that is true.
#include "core/vtree/grid.hpp"

#include "core/simd/dispatch.hpp"
#include "core/vtree/region.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

namespace soup::vtree {

/// The points of one leaf on their way into the cells.
class LeafCount {
public:
    LeafCount(const Grid& grid, const simd::PointColumns& points, std::span<std::int64_t> counts) noexcept
        : grid_(grid), points_(points), counts_(counts), words_((points.count + 63) / 64) {
        for (unsigned j = 0; j < points.dimensions; ++j)
            find_borders(j);
    }
    /// Adds the points of the set, which share their cell in the dimensions before `j`.
    void add(const std::uint64_t* inside, unsigned j, std::size_t cell) noexcept {
        if (j == points_.dimensions) {
            counts_[cell] +=
                static_cast<std::int64_t>(simd::kernels().boxes.count_bits(inside, points_.count));
        } else if (among_[j].is_many) {
            for_each_bit(inside, static_cast<unsigned>(points_.count),
                         [&](unsigned slot) { ++counts_[cell + rest_of_cell(slot, j)]; });
        } else {
            divide(inside, j, cell);
        }
    }

private:
    /// Borders that are compared with all points at once, in all dimensions together.
    static constexpr std::size_t masks_max = 32;

    /// Which of a side's borders lie among the points.
    struct Among {
        const float *first, *last;
        std::size_t first_mask; ///< Of masks_.
        bool is_many;           ///< And then they have no masks.
    };

    const float* column(unsigned j) const noexcept { return points_.first + j * points_.stride; }

    void find_borders(unsigned j) noexcept {
        const simd::BoxKernels& kernels = simd::kernels().boxes;
        const simd::ColumnRange range = kernels.column_range(column(j), points_.count);
        const std::vector<float>& borders = grid_.sides_[j].borders;
        const float* end = borders.data() + borders.size();
        const float* first = std::upper_bound(borders.data(), end, range.least);
        const float* last = std::upper_bound(first, end, range.greatest);
        const auto count = static_cast<std::size_t>(last - first);
        among_[j] = {first, last, masks_, count > masks_max - masks_};
        if (among_[j].is_many) return;
        for (const float* border = first; border < last; ++border)
            kernels.values_from(column(j), points_.count, *border, reach_[masks_++]);
    }

    void divide(const std::uint64_t* inside, unsigned j, std::size_t cell) noexcept {
        const Among& among = among_[j];
        const Grid::Side& side = grid_.sides_[j];
        cell += static_cast<std::size_t>(among.first - side.borders.data()) * side.step;
        if (among.first == among.last) return add(inside, j + 1, cell);
        Mask below, above;
        std::copy_n(inside, words_, above);
        for (std::size_t at = among.first_mask; at < among.first_mask + (among.last - among.first); ++at) {
            std::uint64_t any = 0;
            for (std::size_t word = 0; word < words_; ++word) {
                below[word] = above[word] & ~reach_[at][word];
                above[word] &= reach_[at][word];
                any |= below[word];
            }
            if (any != 0) add(below, j + 1, cell);
            cell += side.step;
        }
        if (has_bits(above, static_cast<unsigned>(points_.count))) add(above, j + 1, cell);
    }

    std::size_t rest_of_cell(unsigned slot, unsigned j) const noexcept {
        std::size_t cell = 0;
        for (; j < points_.dimensions; ++j)
            cell += grid_.sides_[j].cell_of(column(j)[slot]) * grid_.sides_[j].step;
        return cell;
    }

    const Grid& grid_;
    const simd::PointColumns& points_;
    std::span<std::int64_t> counts_;
    std::size_t words_;
    std::size_t masks_ = 0;
    Among among_[max_dimensions];
    Mask reach_[masks_max]; ///< Which points lie at a border or above it.
};

namespace {

/// Numbers floats in their order.
std::int32_t rank_of(float value) noexcept {
    const auto bits = std::bit_cast<std::int32_t>(value);
    return bits >= 0 ? bits : std::numeric_limits<std::int32_t>::min() - bits;
}
float float_of(std::int32_t rank) noexcept {
    return std::bit_cast<float>(rank >= 0 ? rank : std::numeric_limits<std::int32_t>::min() - rank);
}

/// By halving, not by steps from where the border should be: near 0 floats are far denser than places.
std::vector<float> borders_between(float lower, float upper, int cells) {
    std::vector<float> borders;
    const double side = static_cast<double>(upper) - lower;
    if (side == 0) return borders; // All is in the first cell.
    const double per_unit = cells / side;
    std::int32_t below = rank_of(lower); // Lies before the border, or on the one before.
    for (int cell = 1; cell < cells; ++cell) {
        std::int32_t from = rank_of(upper);
        for (std::int32_t left = below; left < from;) {
            const std::int32_t middle = std::midpoint(left, from);
            if ((static_cast<double>(float_of(middle)) - lower) * per_unit >= cell)
                from = middle;
            else
                left = middle + 1;
        }
        borders.push_back(float_of(from));
        below = from;
    }
    return borders;
}

} // namespace

Grid::Grid(std::span<const float> lower, std::span<const float> upper, std::span<const int> cells)
    : sides_(cells.size()) {
    for (std::size_t j = cells.size(); j-- > 0;) {
        sides_[j] = {borders_between(lower[j], upper[j], cells[j]), cell_count_};
        cell_count_ *= static_cast<std::size_t>(cells[j]);
    }
}

std::size_t Grid::Side::cell_of(float value) const noexcept {
    return static_cast<std::size_t>(std::ranges::upper_bound(borders, value) - borders.begin());
}

void Grid::count(const simd::PointColumns& points, const std::uint64_t* inside,
                 std::span<std::int64_t> counts) const noexcept {
    if (points.count > 0) LeafCount(*this, points, counts).add(inside, 0, 0);
}

std::size_t Grid::cell_of(const float* point) const noexcept {
    std::size_t cell = 0;
    for (std::size_t j = 0; j < sides_.size(); ++j)
        cell += sides_[j].cell_of(point[j]) * sides_[j].step;
    return cell;
}

void Grid::place_of(std::size_t cell, std::span<int> into) const noexcept {
    for (std::size_t j = 0; j < sides_.size(); ++j) {
        into[j] = 1 + static_cast<int>(cell / sides_[j].step);
        cell %= sides_[j].step;
    }
}

} // namespace soup::vtree
