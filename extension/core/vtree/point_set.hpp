// Points in memory that are to be divided into neighbourhoods of equal size.
//
// They are divided at medians along the longest side of what is left, until a page's worth remains (the "VAM
// split" of White and Jain, SPIE 1996, and what Boost.Geometry packs with), rather than tiled by sorted slabs
// (STR: Leutenegger, Lopez, Edgington, ICDE 1997). Both cost n log n; but this way clustered points get boxes
// of good shape without a guess at how many slabs each dimension deserves, and equal points do not matter.
#pragma once

#include "core/vtree/cells.hpp"

#include <functional>
#include <utility>

namespace soup::vtree {

class PointSet {
public:
    explicit PointSet(unsigned dimensions) : dimensions_(dimensions) {}
    /// What a point takes, and its place in the order, and what a division compares.
    static constexpr std::size_t bytes_per_point(unsigned dimensions) noexcept {
        return dimensions * sizeof(float) + sizeof(std::uint32_t) + sizeof(std::pair<float, std::uint32_t>);
    }

    /// Points are numbered in the order in which they come.
    void add(const float* point) { points_.insert(points_.end(), point, point + dimensions_); }
    void clear() noexcept { points_.clear(); }
    std::size_t size() const noexcept { return points_.size() / dimensions_; }
    const float* point(std::uint32_t number) const noexcept {
        return points_.data() + std::size_t{number} * dimensions_;
    }

    /// So many leaves' points stay in the processor's cache while they are divided.
    static constexpr std::size_t parts_at_a_time = 128;
    static constexpr std::size_t between_points = 16'384;
    /// Divides all points into `parts` of nearly equal size and hands each part's numbers out, neighbours one
    /// after the other; of very many parts one in parts_at_a_time may be added, and none is larger for that.
    /// `between` is called before each division and every `between_points` points of a pass over all of them.
    void divide(std::size_t parts, const std::function<void()>& between,
                const std::function<void(std::span<std::uint32_t>)>& take);
    /// About `cells` of them, rounded down to a power of two and to what the points are enough for. `between`
    /// is called as by divide().
    Cells divide_into_cells(std::size_t cells, const std::function<void()>& between);

private:
    void number_all();
    void divide_in_cells(std::size_t parts, const std::function<void()>& between,
                         const std::function<void(std::span<std::uint32_t>)>& take);
    void divide(std::span<std::uint32_t> some, std::size_t parts, const std::function<void()>& between,
                const std::function<void(std::span<std::uint32_t>)>& take);
    void place_planes(std::span<std::uint32_t> some, std::size_t node, const std::function<void()>& between,
                      Cells& into);
    unsigned longest_side(std::span<const std::uint32_t> some) const;
    void partition(std::span<std::uint32_t> some, std::size_t left, unsigned dimension);

    unsigned dimensions_;
    std::vector<float> points_;
    std::vector<std::uint32_t> order_;
    std::vector<std::pair<float, std::uint32_t>> keys_;
};

} // namespace soup::vtree
