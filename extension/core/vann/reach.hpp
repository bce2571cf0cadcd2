// How far a query's first batch reaches: among the leaves it knows, and among the inner pages that may lead
// to such leaves.
//
// Leaves: those whose centroids are about as near as the nearest ones'. Inner pages: the leaves under one lie
// about its centroid, so some may be nearer to the query than the page itself, by a part of their spread: the
// *margin*. A page that is no farther than that beyond the nearest leaves known is worth opening. So a query
// amid the leaves of a page opens few, and one between pages many.
#pragma once

#include "core/vann/geometry.hpp"
#include "core/vann/score.hpp"

#include <array>
#include <limits>

namespace soup::vann {

/// The leaves whose centroids' order is within so much of the nearest ones'. It is a part of the nearest
/// ones' mean order, which is at home in every metric: reach 0.2 takes in what is at most 1.2 times as far
/// (squared), or has at least 0.8 times the inner product.
class Nearest {
public:
    static constexpr std::size_t count = 4; ///< The nearest one alone says less: where it lies is chance.

    void add(float order) noexcept {
        if (!(order < orders_.back())) return;
        std::size_t at = orders_.size() - 1;
        for (; at > 0 && order < orders_[at - 1]; at--)
            orders_[at] = orders_[at - 1];
        orders_[at] = order;
    }
    void add(const Nearest& others) noexcept {
        for (const float order : others.orders_)
            add(order);
    }
    /// What is not below it is none of the nearest.
    float last() const noexcept { return orders_.back(); }
    /// The greatest order within reach; +infinity if nothing was added.
    float limit(float reach) const noexcept;

private:
    static constexpr float no_order = std::numeric_limits<float>::infinity();
    std::array<float, count> orders_{no_order, no_order, no_order, no_order};
};

/// Which inner pages may hold leaves that are no farther than `limit`: those that are no farther than that
/// and so many times their spread.
class Within {
public:
    Within(const Query& query, float limit, float margin) noexcept;
    bool takes(float order, float spread) const noexcept {
        const float farthest = limit_ + margin_ * spread;
        return order <= (is_distance_ ? farthest * farthest : farthest);
    }

private:
    bool is_distance_;
    float limit_, margin_; ///< A distance's, or an inner product's.
};

/// Pages opened at first, of each level: whoever is far from everything does not read them all.
inline constexpr std::size_t opened_at_first = 64;

/// Opens pages below the root: from level to level the nearest two, until leaves are known, and then, again
/// from above, all those within the margin. `Pages` knows them: levels() is the root's level, nearest() is
/// that of the leaves known; open_nearest(level, wanted) and open_within(level, within, most) open the
/// nearest of what was not opened yet.
template<class Pages>
void open_near(Pages& pages, const Query& query, float margin) {
    constexpr std::size_t at_least = 2;
    constexpr float about_as_near = 0.25F; // As Nearest has it.
    for (std::size_t level = pages.levels(); level-- > 1;)
        pages.open_nearest(level, at_least);
    for (std::size_t level = pages.levels(); level-- > 1;)
        pages.open_within(level, Within(query, pages.nearest().limit(about_as_near), margin),
                          opened_at_first - at_least);
}

} // namespace soup::vann
