// The way from the root to the leaves nearest a query: a beam per level, and what lies beyond it kept for
// later.
//
// On each level the nearest pages that were not opened yet are opened, so that asking again goes on where the
// last call ended, until every leaf has been given out once. Pages that split meanwhile are met through their
// links.
#pragma once

#include "core/tree/walk.hpp"
#include "core/vann/geometry.hpp"
#include "core/vann/least.hpp"
#include "core/vann/score.hpp"
#include "core/vann/unfilled.hpp"

#include <array>
#include <limits>

namespace soup::vann {

/// How far a search reaches: the leaves whose centroids' order is within so much of the nearest ones'. It is
/// a part of the nearest ones' mean order, which is at home in every metric: reach 0.2 takes in what is at
/// most 1.2 times as far (squared), or has at least 0.8 times the inner product.
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
    /// The greatest order within reach; +infinity if nothing was added.
    float limit(float reach) const noexcept;

private:
    static constexpr float no_order = std::numeric_limits<float>::infinity();
    std::array<float, count> orders_{no_order, no_order, no_order, no_order};
};

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
    /// Likewise those within reach, if no leaf was taken out before: `most` at most, and one at least.
    std::span<const Known> take_within(float reach, std::size_t most);
    /// Whether every leaf was given out.
    bool is_exhausted() const noexcept;
    std::size_t pages_opened() const noexcept { return pages_opened_; }
    /// Of memory for the pages known.
    std::size_t bytes() const noexcept;

private:
    /// The pages of one level that are known: how far each lies, or +infinity once it was opened or given
    /// out. Orders are padded with that to a multiple of 16.
    struct Level {
        Unfilled<float> orders;
        Unfilled<tree::Block> blocks;
        struct Source {
            std::size_t first;  ///< Of what was read from one page.
            std::uint64_t seen; ///< See tree::Link.
        };
        std::vector<Source> sources;
        std::size_t left = 0; ///< Not opened or given out yet.

        void clear() noexcept;
    };

    void open_page(const Query& query, tree::Link link);
    void read(const Query& query, const tree::Page& page, tree::Link link);
    float* add(Level& level, std::size_t count, std::size_t room, std::uint64_t seen);
    void choose(Level& level, std::size_t wanted);
    void choose(Level& level, Bound bound);

    tree::PageStore& store_;
    const VannGeometry& geometry_;
    std::vector<Level> levels_; ///< Leaves first.
    Least least_;
    Below below_;
    std::vector<Known> chosen_;
    std::vector<tree::Block> blocks_; ///< Of chosen_.
    std::size_t pages_opened_ = 0;
};

} // namespace soup::vann
