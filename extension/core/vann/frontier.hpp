// The way from the root to the leaves nearest a query: a beam per level, and what lies beyond it kept for
// later.
//
// On each level the nearest pages that were not opened yet are opened, so that asking again goes on where the
// last call ended, until every leaf has been given out once. Pages that split meanwhile are met through their
// links.
#pragma once

#include "core/tree/walk.hpp"
#include "core/vann/geometry.hpp"
#include "core/vann/score.hpp"

namespace soup::vann {

class Frontier {
public:
    Frontier(tree::PageStore& store, const VannGeometry& geometry) : store_(store), geometry_(geometry) {}

    /// Forgets the last query.
    void start();
    /// Opens the `beam` nearest unopened pages of every inner level, from the root down.
    void open(const Query& query, unsigned beam);
    struct Known {
        float order;
        tree::Link link;
    };
    /// Takes out the `wanted` nearest leaves known, nearest first; fewer if fewer are known. Valid until the
    /// next call.
    std::span<const Known> take(std::size_t wanted);
    /// Whether every leaf was given out.
    bool is_exhausted() const noexcept;
    std::size_t pages_opened() const noexcept { return pages_opened_; }

private:
    void open_page(const Query& query, tree::Link link);
    void read(const Query& query, const tree::Page& page, tree::Link link);
    std::size_t bring_forward(std::vector<Known>& known, std::size_t wanted);

    tree::PageStore& store_;
    const VannGeometry& geometry_;
    std::vector<std::vector<Known>> known_; ///< Per level, leaves first: pages not opened or given out yet.
    std::vector<float> scores_;
    std::vector<float> orders_; ///< bring_forward()'s own.
    std::vector<tree::Link> opening_;
    std::vector<Known> taken_;
    std::size_t pages_opened_ = 0;
};

} // namespace soup::vann
