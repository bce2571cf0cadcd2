// The way from the root to the leaves nearest a query: of each level the pages that are near, and what lies
// beyond them kept for later.
//
// On each level the nearest pages that were not opened yet are opened, so that asking again goes on where the
// last call ended, until every leaf has been given out once. Pages that split meanwhile are met through their
// links.
#pragma once

#include "core/tree/walk.hpp"
#include "core/vann/geometry.hpp"
#include "core/vann/least.hpp"
#include "core/vann/reach.hpp"
#include "core/vann/unfilled.hpp"

namespace soup::vann {

class Frontier {
public:
    Frontier(tree::PageStore& store, const VannGeometry& geometry) : store_(store), geometry_(geometry) {}

    /// Forgets the last query.
    void start();
    /// Opens the `beam` nearest unopened pages of every inner level, from the root down.
    void open(const Query& query, unsigned beam);
    /// Opens, if nothing was opened yet, the root and what the margin says: see reach.hpp.
    void open_near(const Query& query, float margin);
    /// The root, which was given out as the one leaf of a small tree and has been split since: its children
    /// are known from now on.
    void add_split_root(const Query& query, const tree::Page& root) { read(query, root, tree::root_link()); }
    struct Known {
        float order;
        tree::Link link;
    };
    /// Takes out the `wanted` nearest leaves known, in no order; fewer if fewer are known. Valid until the
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
        std::vector<float> spreads; ///< Of inner pages.
        struct Source {
            std::size_t first;  ///< Of what was read from one page.
            std::uint64_t seen; ///< See tree::Link.
        };
        std::vector<Source> sources;
        std::size_t left = 0; ///< Not opened or given out yet.

        void clear() noexcept;
    };

    class Opening;
    void open_chosen(const Query& query);
    void open_page(const Query& query, tree::Link link);
    const Nearest& nearest_leaves();
    void read(const Query& query, const tree::Page& page, tree::Link link);
    float* add(Level& level, std::size_t count, std::size_t room, std::uint64_t seen);
    void choose(Level& level, std::size_t wanted);
    void choose(Level& level, Bound bound);
    void choose(Level& level, const Within& within, std::size_t most);
    template<class Takes>
    void choose_among(Level& level, float limit, Takes takes);

    tree::PageStore& store_;
    const VannGeometry& geometry_;
    std::vector<Level> levels_; ///< Leaves first.
    Least least_;
    Below below_;
    std::vector<Known> chosen_;
    std::vector<tree::Block> blocks_; ///< Of chosen_.
    std::vector<float> orders_;       //
    Nearest nearest_;                 ///< Of the leaves known, the first leaves_seen_ of them.
    std::size_t leaves_seen_ = 0;
    std::size_t pages_opened_ = 0;
};

} // namespace soup::vann
