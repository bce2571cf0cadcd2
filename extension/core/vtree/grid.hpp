// A box divided into equal cells, for counts by place.
//
// Points come a leaf at a time, and a leaf is small: few borders between cells lie among its points. So the
// points are divided as a set, one bit each, border by border, one dimension after the other, and what is
// left of the set after the last dimension is counted by its bits. Where more borders than that lie among
// them, each point finds its cell by itself. Both compare with the same borders.
#pragma once

#include "core/simd/boxes.hpp"

#include <span>
#include <vector>

namespace soup::vtree {

class Grid {
public:
    static constexpr std::size_t cells_max = std::size_t{1} << 20;

    /// The counts of cells along each dimension, all at least 1, their product at most cells_max.
    Grid(std::span<const float> lower, std::span<const float> upper, std::span<const int> cells);

    std::size_t cell_count() const noexcept { return cell_count_; }

    /// Of cells the last dimension runs fastest. A border belongs to the cell above it, the box's own upper
    /// border to the last cell; a point outside belongs to the nearest cell.
    std::size_t cell_of(const float* point) const noexcept;
    /// Adds the points of the mask, at most a page's, to their cells' counts.
    void count(const simd::PointColumns& points, const std::uint64_t* inside,
               std::span<std::int64_t> counts) const noexcept;
    /// Where a cell lies along each dimension, from 1.
    void place_of(std::size_t cell, std::span<int> into) const noexcept;

private:
    friend class LeafCount;
    struct Side {
        std::vector<float> borders; ///< Ascending: where the second cell begins, the third, and so on.
        std::size_t step = 1;       ///< From a cell to the next one along this side.
        std::size_t cell_of(float value) const noexcept;
    };

    std::vector<Side> sides_;
    std::size_t cell_count_ = 1;
};

} // namespace soup::vtree
