// One query's way through an index: rows in ascending order of their estimated distance, batch by batch,
// until the caller has enough or every row was returned once.
//
// A batch opens some pages of every inner level, scores the nearest leaves whole, and ranks the best of
// all entries seen so far anew by their details. The first batch reaches as far as ten neighbours at the
// wanted recall need: to all leaves that are about as near as the nearest ones. So only ten rows come from
// it, and each later batch, which looks into twice as many leaves, gives three times as many rows: whoever
// wants a hundred gets them as well as ten. Rows are sorted within a batch; a later one may bring a nearer
// row. Entries that were not ranked anew, or not returned, wait for the next batch.
#pragma once

#include "core/vann/frontier.hpp"
#include "core/vann/unfilled.hpp"

#include <algorithm>
#include <optional>

namespace soup::vann {

/// What is asked of the key columns. It sees them as they lie in a page: `count` rows of `width` bytes.
class KeyFilter {
public:
    virtual ~KeyFilter() = default;
    /// Writes the numbers of the rows that qualify, in ascending order, and returns how many. There is room
    /// for `count`.
    virtual unsigned qualify(const std::byte* keys, unsigned width, unsigned count,
                             std::uint16_t* rows) const = 0;
};

/// Rows that the first batch returns: the settings' recall is that of so many nearest.
inline constexpr std::size_t rows_at_once = 10;

struct SearchSettings {
    unsigned probes = 16; ///< Leaves of the first batch; with a reach, on average: what later ones grow from.
    /// How far the first batch reaches: see Nearest. A query in a thin neighbourhood has many leaves about as
    /// near as the nearest and gets them, another one has few.
    std::optional<float> reach = std::nullopt;
    /// Which inner pages the first batch opens, with a reach: see Within. By itself all, to a limit.
    float margin = 1e30F;
    unsigned beam = 4;    ///< Pages opened on each inner level without one, and what later batches grow from.
    unsigned rerank = 32; ///< Entries of the first batch that are ranked by details, at least: deepened().
    const KeyFilter* filter = nullptr;
    std::size_t max_pages = 0; ///< Inner pages and leaves; no new batch is begun beyond. 0: no limit.
};

/// How many times deeper a query ranks that has so many leaves within reach, where `probes` are read on
/// average. Its neighbourhood is thin or unlike the rows', and the estimates of many leaves, seen from far
/// away, put more entries before the right ones.
inline double deepened(std::size_t leaves, unsigned probes) noexcept {
    constexpr double most = 4;
    return std::clamp(static_cast<double>(leaves) / probes, 1.0, most);
}

struct Found {
    tree::HeapAddress address;
    float order; ///< Query::reported() makes the operator's value of it.
};

class Search {
public:
    Search(tree::PageStore& store, const VannGeometry& geometry)
        : store_(store), geometry_(geometry), frontier_(store, geometry) {}

    /// Begins a query, which has to stay until the last next().
    void start(const Query& query, const SearchSettings& settings);
    /// No value: every row that qualifies was returned, or max_pages ended the search.
    std::optional<Found> next();
    /// What next() will return, unless it is the address of a chain, the next one last. More may follow.
    std::span<const Found> upcoming() const noexcept { return std::span(ready_).last(rows_left_); }

    /// Pages read since start().
    struct Pages {
        std::size_t inner = 0, leaves = 0, details = 0, chains = 0;
    };
    Pages pages() const noexcept;
    /// Of memory that its lists hold, roughly: those that grow with how far a search goes.
    std::size_t bytes() const noexcept;

private:
    /// A leaf as it was read; its entries' orders and addresses lie in orders_ and addresses_ from `first`
    /// on. The order of an entry that is free or was ranked already is +infinity. With a filter only the
    /// entries that qualify are there, padded to a multiple of 16, and slots_ says which they are.
    struct Leaf {
        std::size_t first;
        unsigned entries;
        tree::Block block;
        float centre_distance;
    };
    struct Candidate {
        float order;
        std::uint32_t leaf, entry; ///< The latter in orders_ and addresses_.
    };

    static constexpr std::size_t pinned_at_once = 16;

    bool may_read_more() const noexcept;
    double passing_share() const noexcept;
    void next_batch();
    void read_leaves(std::span<const Frontier::Known> nearest);
    void read_leaf(const tree::Page& page);
    void read_qualifying(const LeafView& leaf, Leaf& into);
    unsigned add_chains(const LeafView& leaf, unsigned count);
    void allow_rows(unsigned doublings);
    std::size_t ranking_depth() const noexcept;
    void select(std::size_t wanted);
    void rank();
    void rank_group(std::span<Candidate> group);
    void sort_ready();
    void forget_ranked_leaves();
    unsigned slot_of(const Candidate& candidate) const noexcept;
    void read_chain_page();

    tree::PageStore& store_;
    const VannGeometry& geometry_;
    Frontier frontier_;
    const Query* query_ = nullptr;
    SearchSettings settings_;
    unsigned batch_ = 0;
    Pages pages_;

    std::vector<Leaf> leaves_; ///< Whose entries were not all made ready.
    Unfilled<float> orders_;
    Unfilled<tree::HeapAddress> addresses_;
    std::vector<tree::Block> details_; ///< detail.pages for each of leaves_.
    std::vector<std::uint16_t> slots_; ///< Of orders_' entries, with a filter only.
    std::vector<tree::Block> wanted_pages_;

    Least least_;
    std::vector<Candidate> candidates_;
    std::vector<std::uint16_t> places_, chain_places_, place_union_; ///< Within one leaf or chain page.
    std::vector<float> place_orders_;

    std::vector<Found> ready_;  ///< The last rows_left_ are sorted, the next one at the end.
    std::size_t rows_left_ = 0; ///< Of ready_, that may be returned before the next batch.
    std::size_t rows_returned_ = 0;
    std::size_t entries_seen_ = 0, entries_passed_ = 0; ///< In leaves; the latter with a filter only.
    bool ended_ = true; ///< Every leaf was read, and every entry was made ready.

    // Equal rows that are being returned.
    std::vector<tree::HeapAddress> chain_;
    tree::Block chain_next_ = tree::no_block;
    tree::Block chain_pages_left_ = 0; ///< So many are in the file.
    float chain_order_ = 0;
};

} // namespace soup::vann
