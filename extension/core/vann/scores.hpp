// One calibration query's view of the index: the leaves near it, scored once, in the order in which any
// search would come by them; and its true neighbours, with where they are met.
#pragma once

#include "core/vann/calibration.hpp"
#include "core/vann/route_map.hpp"

namespace soup::vann {

class Scores {
public:
    Scores(tree::PageStore& store, const VannGeometry& geometry);

    struct Entry {
        float order;
        std::uint32_t leaf;
        std::uint16_t slot;
    };
    /// An entry that a search has to rank to be right, or to be wrong: a true neighbour, or one that its
    /// details put among them.
    struct Watched {
        Entry entry; ///< With the leaf's estimate.
        float rank;  ///< By its details.
        bool is_true;
    };

    void take(const CalibrationQuery& asked);
    /// Leaves that were scored.
    std::size_t leaves() const noexcept { return leaves_.size(); }
    /// The true neighbours (equally near ones may be more than ten) and their rivals, by rank.
    const std::vector<Watched>& find_truth(const ExactOrder& exact);
    std::size_t wanted() const noexcept { return wanted_; }

    /// For each watched entry, how many entries of the leaf come before it.
    const std::vector<std::uint16_t>& before(std::uint32_t leaf);

    static constexpr std::uint32_t not_scored = ~0U;
    struct Step {
        float order;
        std::uint32_t leaf; ///< not_scored: has none of the nearest.
    };
    /// The leaves that a search with this margin knows, nearest first: those within reach, and
    /// Nearest::count at least.
    const std::vector<Step>& route(float margin, float reach);
    /// Of the leaves on that route.
    const Nearest& nearest() const noexcept { return nearest_ways_; }
    /// Inner pages that it opened.
    std::size_t pages_opened() const noexcept { return pages_opened_; }

private:
    struct Leaf {
        std::size_t first;
        unsigned slots;
        tree::Block block;
        float centre_distance;
    };
    struct Way {
        float order;
        tree::Link link;
        std::uint32_t parent, leaf, leaves;
    };
    /// Puts at least so many of the nearest ways in order.
    void sort_ways(std::size_t wanted);
    void move_own_leaf();
    float without_me(double order) const noexcept;
    void score_nearest();
    void read_leaf(const tree::Page& page);
    void add_below(std::uint32_t leaf);
    void keep_best();
    float rank(const Entry& entry, tree::Page& page);
    std::size_t position(const Entry& entry) const { return leaves_[entry.leaf].first + entry.slot; }

    tree::PageStore& store_;
    const VannGeometry& geometry_;
    const Layout& layout_;
    Query query_;
    RouteMap map_;
    const CalibrationQuery* asked_ = nullptr;

    std::vector<Way> ways_;       ///< To leaves, the nearest first …
    std::size_t ways_sorted_ = 0; ///< … and in order, so many of them.
    std::vector<Leaf> leaves_;
    std::vector<float> orders_;
    std::vector<tree::HeapAddress> addresses_;
    std::vector<tree::Block> details_;
    std::vector<Entry> nearest_; ///< Of all entries, by their leaves' estimates; leaf by leaf.
    std::vector<float> near_orders_;
    float limit_ = 0; ///< Beyond it no entry is among them.
    std::vector<Watched> watched_;
    std::vector<std::vector<std::uint16_t>> counts_; ///< See before(); empty until asked for.
    float worst_watched_ = 0;                        ///< The last of their estimates.
    std::size_t used_ = 0, wanted_ = 0, pages_opened_ = 0;
    tree::Block own_leaf_ = tree::no_block;
    double own_leaf_rows_ = 0; ///< Two at least.

    std::vector<bool> parents_;
    std::vector<Step> route_;
    Nearest nearest_ways_;
    std::vector<std::uint16_t> selected_slots_;
    std::vector<float> selected_orders_;
};

} // namespace soup::vann
