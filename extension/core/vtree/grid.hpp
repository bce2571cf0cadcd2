// A box divided into equal cells, for counts by place.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace soup::vtree {

class Grid {
public:
    /// The counts of cells along each dimension, all at least 1.
    Grid(std::span<const float> lower, std::span<const float> upper, std::span<const int> cells)
        : lower_(lower.begin(), lower.end()), cells_(cells.begin(), cells.end()) {
        for (std::size_t j = 0; j < cells_.size(); ++j) {
            const double side = static_cast<double>(upper[j]) - lower[j];
            per_unit_.push_back(side > 0 ? cells_[j] / side : 0);
        }
    }

    std::size_t cell_count() const noexcept {
        std::size_t product = 1;
        for (const int cells : cells_)
            product *= static_cast<std::size_t>(cells);
        return product;
    }

    /// The cell of a point of the box: the last dimension runs fastest. A border belongs to the cell above
    /// it, the box's own upper border to the last cell.
    std::size_t cell_of(const float* point) const noexcept {
        std::size_t cell = 0;
        for (std::size_t j = 0; j < cells_.size(); ++j) {
            const double place = (static_cast<double>(point[j]) - lower_[j]) * per_unit_[j];
            const int last = cells_[j] - 1;
            const int along = place >= last ? last : place > 0 ? static_cast<int>(place) : 0;
            cell = cell * static_cast<std::size_t>(cells_[j]) + static_cast<std::size_t>(along);
        }
        return cell;
    }
    /// Where a cell lies along each dimension, from 1.
    void place_of(std::size_t cell, std::span<int> into) const noexcept {
        for (std::size_t j = cells_.size(); j-- > 0;) {
            into[j] = 1 + static_cast<int>(cell % static_cast<std::size_t>(cells_[j]));
            cell /= static_cast<std::size_t>(cells_[j]);
        }
    }

private:
    std::vector<float> lower_;
    std::vector<int> cells_;
    std::vector<double> per_unit_;
};

} // namespace soup::vtree
