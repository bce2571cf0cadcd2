// Leaves are scored nearest first, until a row of them has nothing that is among the nearest entries: then
// those beyond have hardly anything, either.
#include "core/vann/scores.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace soup::vann {
namespace {

constexpr float nothing = std::numeric_limits<float>::infinity();
constexpr std::size_t leaves_max = 1024;
constexpr std::size_t leaves_at_once = 32;
constexpr std::size_t truth_depth = 400; ///< Entries that are looked at closely for a query's truth …
constexpr std::size_t exact_depth = 40;  ///< … and by their own vectors.
constexpr std::size_t watched_max = 64;
constexpr float rounding = 1e-5F;

} // namespace

Scores::Scores(tree::PageStore& store, const VannGeometry& geometry)
    : store_(store), geometry_(geometry), layout_(geometry.layout()), query_(layout_), map_(store, geometry),
      selected_slots_(layout_.leaf.capacity), selected_orders_(layout_.leaf.capacity) {}

void Scores::take(const CalibrationQuery& asked) {
    asked_ = &asked;
    query_.prepare(asked.point.data());
    leaves_.clear();
    addresses_.clear();
    details_.clear();
    nearest_.clear();
    limit_ = nothing;
    own_leaf_ = tree::no_block;
    used_ = 0;
    map_.read(query_);
    ways_.clear();
    for (const RouteMap::Leaf& leaf : map_.leaves())
        ways_.push_back({leaf.order, leaf.link, leaf.parent, 0, 0});
    ways_sorted_ = 0;
    score_nearest();
    move_own_leaf();
}

void Scores::sort_ways(std::size_t wanted) {
    constexpr std::size_t first_piece = 64;
    const auto nearer = [](const Way& a, const Way& b) { return a.order < b.order; };
    wanted = std::min(wanted, ways_.size());
    while (ways_sorted_ < wanted) {
        const auto from = ways_.begin() + static_cast<std::ptrdiff_t>(ways_sorted_);
        ways_sorted_ = std::min(std::max(first_piece, 2 * ways_sorted_), ways_.size());
        const auto to = ways_.begin() + static_cast<std::ptrdiff_t>(ways_sorted_);
        if (to != ways_.end()) std::nth_element(from, to, ways_.end(), nearer);
        std::sort(from, to, nearer);
    }
}

/// Puts the query's own leaf where it would lie without the query: farther away, or, by inner products of a
/// short query, nearer.
void Scores::move_own_leaf() {
    const auto sorted_end = ways_.begin() + static_cast<std::ptrdiff_t>(ways_sorted_);
    const auto own =
        std::find_if(ways_.begin(), sorted_end, [&](const Way& way) { return way.link.block == own_leaf_; });
    if (own == sorted_end) return;
    own->order = without_me(own->order);
    map_.move(own_leaf_, own->order);
    std::rotate(own, own + 1, sorted_end);
    const auto last = sorted_end - 1;
    const auto place = std::upper_bound(ways_.begin(), last, *last,
                                        [](const Way& a, const Way& b) { return a.order < b.order; });
    if (place == last)
        ways_sorted_--; // Whether others come before it is not known.
    else
        std::rotate(place, last, sorted_end);
}

/// The order of the mean of the own leaf's other rows: (n·mean - query) / (n - 1).
float Scores::without_me(double order) const noexcept {
    const double rows = own_leaf_rows_, others = rows - 1;
    if (layout_.metric == Metric::inner_product)
        return static_cast<float>((rows * order + query_.squared_norm()) / others);
    return static_cast<float>(order * rows * rows / (others * others));
}

void Scores::score_nearest() {
    float limit_before = nothing;
    for (std::size_t i = 0; i < std::min(ways_.size(), leaves_max); i++) {
        if (i % leaves_at_once == 0) {
            sort_ways(i + leaves_at_once);
            keep_best();
            if (i > 0 && limit_ == limit_before && nearest_.size() >= truth_depth) break;
            limit_before = limit_;
        }
        store_.check_interrupts();
        ways_[i].leaf = static_cast<std::uint32_t>(leaves_.size());
        tree::follow(store_, ways_[i].link, [&](const tree::Page& page, tree::Link) { read_leaf(page); });
        ways_[i].leaves = static_cast<std::uint32_t>(leaves_.size()) - ways_[i].leaf;
    }
    keep_best();
}

void Scores::read_leaf(const tree::Page& page) {
    // The one leaf of a small tree is its root, which may have been split since.
    if (page.tail().kind != tree::PageKind::leaf) [[unlikely]]
        return;
    const LeafView leaf(layout_, page.body(), page.block());
    if (leaf.live() == 0) return;
    const std::size_t first = used_;
    if (orders_.size() < first + layout_.leaf.capacity) orders_.resize(2 * first + layout_.leaf.capacity);
    const LeafScore score = score_leaf(query_, leaf, &orders_[first]);
    used_ += score.slots;
    for (unsigned i = 0; i < layout_.detail.pages; i++)
        details_.push_back(i < leaf.detail_count() ? leaf.detail_block(i) : tree::no_block);
    leaves_.push_back({first, score.slots, page.block(), score.centre_distance});
    const std::span<const tree::HeapAddress> addresses(leaf.addresses(), score.slots);
    addresses_.insert(addresses_.end(), addresses.begin(), addresses.end());
    const auto self = asked_->self.offset == 0 ? addresses.end() : std::ranges::find(addresses, asked_->self);
    if (self != addresses.end()) {
        orders_[first + static_cast<std::size_t>(self - addresses.begin())] = nothing;
        if (asked_->counted != CalibrationQuery::Counted::apart) {
            own_leaf_ = page.block();
            own_leaf_rows_ = std::max(leaf.live(), 2U);
        }
    }
    add_below(static_cast<std::uint32_t>(leaves_.size() - 1));
}

/// Adds a leaf's entries to the nearest.
void Scores::add_below(std::uint32_t leaf) {
    const Leaf& one = leaves_[leaf];
    const unsigned found =
        select_below(&orders_[one.first], one.slots, limit_, selected_slots_.data(), selected_orders_.data());
    for (unsigned i = 0; i < found; i++)
        nearest_.push_back({selected_orders_[i], leaf, selected_slots_[i]});
    if (nearest_.size() >= 2 * truth_depth) keep_best();
}

void Scores::keep_best() {
    if (nearest_.size() <= truth_depth) return;
    near_orders_.clear();
    for (const Entry& entry : nearest_)
        near_orders_.push_back(entry.order);
    const auto last = near_orders_.begin() + static_cast<std::ptrdiff_t>(truth_depth - 1);
    std::nth_element(near_orders_.begin(), last, near_orders_.end());
    limit_ = *last;
    std::erase_if(nearest_, [&](const Entry& entry) { return entry.order > limit_; });
}

const std::vector<Scores::Watched>& Scores::find_truth(const ExactOrder& exact) {
    std::vector<Watched> ranked;
    ranked.reserve(nearest_.size());
    {
        tree::Page page;
        for (const Entry& entry : nearest_)
            ranked.push_back({entry, rank(entry, page), false});
    }
    std::ranges::sort(ranked, [](const Watched& a, const Watched& b) { return a.rank < b.rank; });

    std::vector<float> orders;
    for (std::size_t i = 0; i < ranked.size(); i++) {
        orders.push_back(ranked[i].rank);
        const tree::HeapAddress address = addresses_[position(ranked[i].entry)];
        if (!exact || i >= exact_depth || is_chain(address)) continue;
        if (const auto order = exact(*asked_, address)) orders[i] = *order;
    }
    std::vector<float> sorted = orders;
    std::ranges::sort(sorted);
    wanted_ = std::min(rows_at_once, sorted.size());
    watched_.clear();
    if (wanted_ == 0) return watched_;
    // Measurements are often whole numbers of something, so equal distances are common; rotated they differ
    // by rounding.
    const float tenth = sorted[wanted_ - 1], limit = tenth + rounding * std::abs(tenth);
    std::size_t last = 0;
    for (std::size_t i = 0; i < ranked.size(); i++) {
        ranked[i].is_true = orders[i] <= limit;
        if (ranked[i].is_true) last = i;
    }
    watched_.assign(ranked.begin(),
                    ranked.begin() + static_cast<std::ptrdiff_t>(std::min(last + 1, watched_max)));
    worst_watched_ = -nothing;
    for (const Watched& watched : watched_)
        worst_watched_ = std::max(worst_watched_, watched.entry.order);
    counts_.assign(leaves_.size(), {});
    return watched_;
}

const std::vector<std::uint16_t>& Scores::before(std::uint32_t leaf) {
    auto& counts = counts_[leaf];
    if (!counts.empty()) return counts;
    const Leaf& one = leaves_[leaf];
    const unsigned found = select_below(&orders_[one.first], one.slots, worst_watched_,
                                        selected_slots_.data(), selected_orders_.data());
    counts.resize(watched_.size());
    for (std::size_t i = 0; i < watched_.size(); i++)
        for (unsigned n = 0; n < found; n++)
            counts[i] = static_cast<std::uint16_t>(counts[i] +
                                                   (selected_orders_[n] < watched_[i].entry.order ? 1 : 0));
    return counts;
}

const std::vector<Scores::Step>& Scores::route(float margin, float reach) {
    pages_opened_ = map_.know(query_, margin, parents_);
    route_.clear();
    nearest_ways_ = {};
    float limit = nothing;
    for (std::size_t i = 0; i < ways_.size(); i++) {
        sort_ways(i + 1);
        const Way& way = ways_[i];
        if (!parents_[way.parent]) continue;
        if (way.order > limit) break;
        const std::size_t known = route_.size();
        if (way.leaves == 0) route_.push_back({way.order, not_scored});
        for (std::uint32_t leaf = 0; leaf < way.leaves; leaf++)
            route_.push_back({way.order, way.leaf + leaf});
        if (known >= Nearest::count) continue;
        for (std::size_t step = known; step < route_.size(); step++)
            nearest_ways_.add(way.order);
        if (route_.size() >= Nearest::count) limit = nearest_ways_.limit(reach);
    }
    return route_;
}

/// Entries of one detail page follow one another, so that each page is read once.
float Scores::rank(const Entry& entry, tree::Page& page) {
    if (!layout_.has_details()) return entry.order;
    const Leaf& leaf = leaves_[entry.leaf];
    const tree::Block block =
        details_[entry.leaf * layout_.detail.pages + entry.slot / layout_.detail.per_page];
    if (block == tree::no_block) return entry.order;
    if (!page || page.block() != block) {
        page = {};
        page = store_.lock(block, tree::Lock::shared);
    }
    if (!DetailView::belongs(page, leaf.block)) return entry.order;
    return score_detail(query_, leaf.centre_distance,
                        DetailView(layout_, page.body())[entry.slot % layout_.detail.per_page]);
}

} // namespace soup::vann
