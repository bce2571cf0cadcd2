// Each query scores all leaves once (of a large index the nearest few thousand). What any number of probes,
// any beam and any re-rank depth would have found is then read off these scores, without searching again.
#include "core/vann/calibration.hpp"

#include "core/simd/dispatch.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <random>

namespace soup::vann {
namespace {

constexpr float nothing = std::numeric_limits<float>::infinity();
constexpr std::size_t neighbours = 10;
constexpr std::size_t scanned_leaves_max = 1024;
constexpr std::size_t scanned_in_all = 1'000'000; ///< Leaves, by all queries together: about a second.
constexpr std::size_t queries_min = 500, queries_max = Draw::most;
constexpr std::size_t truth_depth = 400; ///< Entries that are looked at closely for a query's truth …
constexpr std::size_t exact_depth = 40;  ///< … and by their own vectors.
constexpr std::size_t watched_max = 64;
constexpr float rounding = 1e-5F;

// What a page of each kind costs a query, in leaves: a leaf is pinned, read and scored; inner pages are fewer
// and stay in the processor's cache; of a detail page only one entry is read.
constexpr double inner_cost = 0.8, leaf_cost = 1, detail_cost = 0.5;

/// One query's view of the index: all leaves scored.
class Scores {
public:
    Scores(tree::PageStore& store, const VannGeometry& geometry)
        : store_(store), geometry_(geometry), layout_(geometry.layout()), query_(layout_),
          frontier_(store, geometry), selected_slots_(layout_.leaf.capacity),
          selected_orders_(layout_.leaf.capacity) {}

    struct Entry {
        float order;
        std::uint32_t leaf;
        std::uint16_t slot;
    };

    void take(const CalibrationQuery& asked) {
        asked_ = &asked;
        query_.prepare(asked.point.data());
        leaves_.clear();
        addresses_.clear();
        by_block_.clear();
        own_leaf_ = tree::no_block;
        used_ = 0;
        frontier_.start();
        while (leaves_.size() < scanned_leaves_max && !frontier_.is_exhausted()) {
            frontier_.open(query_, scanned_leaves_max / 16);
            for (const Frontier::Known& known : frontier_.take(scanned_leaves_max - leaves_.size())) {
                store_.check_interrupts();
                tree::follow(store_, known.link,
                             [&](const tree::Page& page, tree::Link) { read_leaf(page); });
            }
        }
        for (std::uint32_t i = 0; i < leaves_.size(); i++)
            by_block_.push_back({leaves_[i].block, i});
        std::ranges::sort(by_block_);
    }
    std::size_t leaves() const { return leaves_.size(); }

    /// An entry that a search has to rank to be right, or to be wrong: a true neighbour, or one that its
    /// details put among them.
    struct Watched {
        Entry entry; ///< With the leaf's estimate.
        float rank;  ///< By its details.
        bool is_true;
    };

    /// The true neighbours (equally near ones may be more than ten) and their rivals, by rank.
    const std::vector<Watched>& find_truth(const ExactOrder& exact) {
        std::vector<Entry> nearest;
        for (std::uint32_t leaf = 0; leaf < leaves_.size(); leaf++)
            add_below(leaf, truth_depth, nearest);
        keep_best(nearest, truth_depth);
        std::vector<Watched> ranked;
        ranked.reserve(nearest.size());
        for (const Entry& entry : nearest)
            ranked.push_back({entry, rank(entry), false});
        const auto better = [](const Watched& a, const Watched& b) { return a.rank < b.rank; };
        std::ranges::sort(ranked, better);

        std::vector<float> orders;
        for (std::size_t i = 0; i < ranked.size(); i++) {
            orders.push_back(ranked[i].rank);
            if (!exact || i >= exact_depth || is_chain(address(ranked[i].entry))) continue;
            if (const auto order = exact(*asked_, address(ranked[i].entry))) orders[i] = *order;
        }
        std::vector<float> sorted = orders;
        std::ranges::sort(sorted);
        wanted_ = std::min(neighbours, sorted.size());
        watched_.clear();
        if (wanted_ == 0) return watched_;
        // Measurements are often whole numbers of something, so equal distances are common; rotated they
        // differ by rounding.
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
    std::size_t wanted() const { return wanted_; }

    /// For each watched entry, how many entries of the leaf come before it.
    const std::vector<std::uint16_t>& before(std::uint32_t leaf) {
        auto& counts = counts_[leaf];
        if (!counts.empty()) return counts;
        const Leaf& one = leaves_[leaf];
        const unsigned found = select_below(&orders_[one.first], one.slots, worst_watched_,
                                            selected_slots_.data(), selected_orders_.data());
        counts.resize(watched_.size());
        for (std::size_t i = 0; i < watched_.size(); i++)
            for (unsigned n = 0; n < found; n++)
                counts[i] = static_cast<std::uint16_t>(
                    counts[i] + (selected_orders_[n] < watched_[i].entry.order ? 1 : 0));
        return counts;
    }

    /// The leaves in the order in which a search with this beam reads them.
    const std::vector<std::uint32_t>& route(unsigned beam) {
        frontier_.start();
        frontier_.open(query_, beam);
        known_.clear();
        for (const Frontier::Known& known : frontier_.take(probe_counts.back() + 1))
            known_.push_back(known);
        for (Frontier::Known& known : known_)
            if (known.link.block == own_leaf_) known.order *= own_leaf_without_me_;
        std::ranges::sort(known_, [](const auto& a, const auto& b) { return a.order < b.order; });
        route_.clear();
        for (const Frontier::Known& known : known_) {
            const auto found = std::ranges::lower_bound(by_block_, known.link.block, {}, &BlockNumber::block);
            if (found != by_block_.end() && found->block == known.link.block) route_.push_back(found->leaf);
        }
        return route_;
    }
    std::size_t pages_opened() const { return frontier_.pages_opened(); }

    /// Adds a leaf's entries to the `wanted` best.
    void add_below(std::uint32_t leaf, std::size_t wanted, std::vector<Entry>& best) {
        if (best.empty()) limit_ = nothing;
        const Leaf& one = leaves_[leaf];
        const unsigned found = select_below(&orders_[one.first], one.slots, limit_, selected_slots_.data(),
                                            selected_orders_.data());
        for (unsigned i = 0; i < found; i++)
            best.push_back({selected_orders_[i], leaf, selected_slots_[i]});
        if (best.size() >= 2 * wanted) keep_best(best, wanted);
    }
    void keep_best(std::vector<Entry>& best, std::size_t wanted) {
        if (best.size() <= wanted) return;
        std::nth_element(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(wanted - 1), best.end(),
                         nearer);
        best.resize(wanted);
        limit_ = best.back().order;
    }

    float rank(const Entry& entry) {
        if (!layout_.has_details()) return entry.order;
        const Leaf& leaf = leaves_[entry.leaf];
        const tree::Block block =
            details_[entry.leaf * layout_.detail.pages + entry.slot / layout_.detail.per_page];
        if (block == tree::no_block) return entry.order;
        const tree::Page page = store_.lock(block, tree::Lock::shared);
        if (!DetailView::belongs(page, leaf.block)) return entry.order;
        return score_detail(query_, leaf.centre_distance,
                            DetailView(layout_, page.body())[entry.slot % layout_.detail.per_page]);
    }
    static bool nearer(const Entry& a, const Entry& b) { return a.order < b.order; }

private:
    struct Leaf {
        std::size_t first;
        unsigned slots;
        tree::Block block;
        float centre_distance;
    };
    struct BlockNumber {
        tree::Block block;
        std::uint32_t leaf;

        auto operator<=>(const BlockNumber&) const = default;
    };
    std::size_t position(const Entry& entry) const { return leaves_[entry.leaf].first + entry.slot; }
    tree::HeapAddress address(const Entry& entry) const { return addresses_[position(entry)]; }

    void read_leaf(const tree::Page& page) {
        const LeafView leaf(layout_, page.body(), page.block());
        if (leaf.live() == 0) return;
        const std::size_t first = used_;
        if (orders_.size() < first + layout_.leaf.capacity) orders_.resize(2 * first + layout_.leaf.capacity);
        const LeafScore score = score_leaf(query_, leaf, &orders_[first]);
        used_ += score.slots;
        details_.resize(leaves_.size() * layout_.detail.pages);
        for (unsigned i = 0; i < layout_.detail.pages; i++)
            details_.push_back(i < leaf.detail_count() ? leaf.detail_block(i) : tree::no_block);
        leaves_.push_back({first, score.slots, page.block(), score.centre_distance});
        for (unsigned slot = 0; slot < score.slots; slot++) {
            addresses_.push_back(leaf.address(slot));
            if (asked_->self.offset == 0 || leaf.address(slot) != asked_->self) continue;
            orders_[first + slot] = nothing;
            if (asked_->counted == CalibrationQuery::Counted::apart) continue;
            // The mean of the leaf's other rows lies farther from this one, by just so much.
            const double rows = leaf.live();
            own_leaf_ = page.block();
            own_leaf_without_me_ =
                leaf.live() > 1 ? static_cast<float>(rows * rows / ((rows - 1) * (rows - 1))) : 4;
        }
    }

    tree::PageStore& store_;
    const VannGeometry& geometry_;
    const Layout& layout_;
    Query query_;
    Frontier frontier_;
    const CalibrationQuery* asked_ = nullptr;

    std::vector<Leaf> leaves_;
    std::vector<BlockNumber> by_block_;
    std::vector<float> orders_;
    std::vector<tree::HeapAddress> addresses_;
    std::vector<tree::Block> details_;
    std::vector<Watched> watched_;
    std::vector<std::vector<std::uint16_t>> counts_; ///< See before(); empty until asked for.
    float worst_watched_ = 0;                        ///< The last of their estimates.
    std::size_t used_ = 0, wanted_ = 0;
    tree::Block own_leaf_ = tree::no_block;
    float own_leaf_without_me_ = 1;

    std::vector<Frontier::Known> known_;
    std::vector<std::uint32_t> route_;
    std::vector<std::uint16_t> selected_slots_;
    std::vector<float> selected_orders_;
    float limit_ = nothing;
};

/// What a search has found after some leaves.
class Beam {
public:
    explicit Beam(const std::vector<Scores::Watched>& watched)
        : watched_(watched), is_read_(watched.size()), before_(watched.size()) {}

    /// False: the leaf has nothing to say about what is watched.
    bool read(std::uint32_t leaf, const std::vector<std::uint16_t>& before) {
        bool is_changed = false;
        for (std::size_t i = 0; i < watched_.size(); i++) {
            const bool is_here = watched_[i].entry.leaf == leaf;
            before_[i] += before[i];
            if (is_here) is_read_[i] = 1;
            is_changed = is_changed || is_here || before[i] > 0;
        }
        return is_changed;
    }
    /// True neighbours among the ten best of the first `depth` entries.
    std::size_t hits(std::size_t depth) const {
        std::size_t returned = 0, hits = 0;
        for (std::size_t i = 0; i < watched_.size() && returned < neighbours; i++) {
            if (is_read_[i] == 0 || before_[i] >= depth) continue;
            returned++;
            hits += watched_[i].is_true ? 1 : 0;
        }
        return hits;
    }

private:
    const std::vector<Scores::Watched>& watched_; ///< By rank.
    std::vector<std::uint8_t> is_read_;           ///< Whether the entry's leaf was read.
    std::vector<std::uint32_t> before_; ///< Entries with a better estimate in the leaves that were read.
};

void count_query(Scores& scores, const std::vector<Scores::Watched>& watched, Tally& tally) {
    for (std::size_t b = 0; b < beams.size(); b++) {
        const auto& route = scores.route(beams[b]);
        tally.opened[b] += static_cast<double>(scores.pages_opened());
        Beam beam(watched);
        std::size_t at = 0;
        std::array<double, depths.size()> shares{};
        for (std::size_t p = 0; p < probe_counts.size(); p++) {
            bool is_changed = false;
            for (; at < route.size() && at < probe_counts[p]; at++)
                if (beam.read(route[at], scores.before(route[at]))) is_changed = true;
            for (std::size_t d = 0; d < depths.size(); d++) {
                if (is_changed)
                    shares[d] = static_cast<double>(std::min(beam.hits(depths[d]), scores.wanted())) /
                                static_cast<double>(scores.wanted());
                tally.found[b][p][d] += shares[d];
            }
        }
    }
    tally.queries++;
}

Setting choose(const Tally& tally, float target) {
    Setting chosen{};
    double best_cost = std::numeric_limits<double>::max(), best_recall = 0;
    const auto queries = static_cast<double>(tally.queries);
    for (std::size_t b = 0; b < beams.size(); b++)
        for (std::size_t p = 0; p < probe_counts.size(); p++)
            for (std::size_t d = 0; d < depths.size(); d++) {
                const double recall = std::min<double>(tally.found[b][p][d] / queries, target);
                const double cost = inner_cost * tally.opened[b] / queries + leaf_cost * probe_counts[p] +
                                    detail_cost * depths[d];
                if (recall < best_recall || (recall == best_recall && cost >= best_cost)) continue;
                best_recall = recall;
                best_cost = cost;
                chosen = {probe_counts[p], beams[b], depths[d],
                          static_cast<float>(tally.found[b][p][d] / queries)};
            }
    return chosen;
}

} // namespace

std::size_t calibration_queries(std::uint64_t rows) noexcept {
    return std::clamp<std::uint64_t>(rows / 5, std::min<std::uint64_t>(rows, 100), queries_max);
}

std::vector<CalibrationQuery> draw_queries(tree::PageStore& store, const VannGeometry& geometry,
                                           std::size_t wanted, std::uint64_t seed) {
    const Layout& layout = geometry.layout();
    std::mt19937_64 random(seed);
    std::vector<CalibrationQuery> queries;
    std::vector<float> centroid(layout.leaf_dims);
    const tree::Block blocks = store.block_count();
    constexpr std::size_t tries_a_query = 100; // Leaves are a small part of the pages.
    for (std::size_t tries = 0; queries.size() < wanted && tries < wanted * tries_a_query; tries++) {
        store.check_interrupts();
        const tree::Page page = store.lock(static_cast<tree::Block>(random() % blocks), tree::Lock::shared);
        if (page.tail().kind != tree::PageKind::leaf) continue;
        const LeafView leaf(layout, page.body(), page.block());
        // Of all slots, free ones too: otherwise rows of half-empty leaves, which are the odd ones, would
        // come more often than others.
        const auto slot = static_cast<unsigned>(random() % layout.leaf.capacity);
        if (slot >= leaf.used()) continue;
        const tree::HeapAddress self = leaf.address(slot);
        if (is_free(self) || is_chain(self)) continue;

        CalibrationQuery query;
        query.self = self;
        query.point.resize(layout.padded);
        leaf.read_centroid(centroid.data());
        if (layout.has_details()) {
            const tree::Page details =
                store.lock(leaf.detail_block(slot / layout.detail.per_page), tree::Lock::shared);
            if (!DetailView::belongs(details, page.block())) continue;
            const DetailCode detail = DetailView(layout, details.body())[slot % layout.detail.per_page];
            const unsigned both = std::min(layout.leaf_dims, layout.detail_dims);
            decode_bytes(detail.code, detail.f, centroid.data(), both, query.point.data());
            for (unsigned i = both; i < layout.detail_dims; i++)
                query.point[i] = detail.tail_f * static_cast<float>(detail.code[i]);
        } else {
            const auto* code = reinterpret_cast<const std::int8_t*>(
                leaf.codes() + std::size_t{slot} * layout.leaf.code_bytes);
            decode_bytes(code, leaf.f()[slot] / 2, centroid.data(), layout.leaf_dims, query.point.data());
        }
        queries.push_back(std::move(query));
    }
    return queries;
}

void Tally::add(const Tally& other) noexcept {
    for (std::size_t b = 0; b < beams.size(); b++) {
        opened[b] += other.opened[b];
        for (std::size_t p = 0; p < probe_counts.size(); p++)
            for (std::size_t d = 0; d < depths.size(); d++)
                found[b][p][d] += other.found[b][p][d];
    }
    queries += other.queries;
}

void measure(tree::PageStore& store, const VannGeometry& geometry, std::size_t queries, const MakeQuery& make,
             const ExactOrder& exact, QueryQueue& queue, Tally& tally) {
    Scores scores(store, geometry);
    CalibrationQuery query;
    for (;;) {
        const std::uint64_t number = queue.next++;
        if (number >= queries || (number >= queries_min && queue.scanned >= scanned_in_all)) return;
        if (!make(number, query)) continue;
        scores.take(query);
        queue.scanned += scores.leaves();
        const auto& watched = scores.find_truth(exact);
        if (!watched.empty()) count_query(scores, watched, tally);
    }
}

Calibration choose_settings(const Tally& tally, std::uint64_t rows) {
    Calibration calibration{};
    if (tally.queries == 0) return calibration;
    calibration.rows = rows;
    for (std::size_t i = 0; i < recall_targets.size(); i++)
        calibration.settings[i] = choose(tally, recall_targets[i]);
    return calibration;
}

Calibration calibrate(tree::PageStore& store, const VannGeometry& geometry,
                      std::span<const CalibrationQuery> queries, const ExactOrder& exact,
                      std::uint64_t rows) {
    const auto tally = std::make_unique<Tally>();
    QueryQueue queue;
    const auto make = [&](std::size_t number, CalibrationQuery& query) {
        query = queries[number];
        return true;
    };
    measure(store, geometry, queries.size(), make, exact, queue, *tally);
    return choose_settings(*tally, rows);
}

ExactOrder exact_order(const Space& space, Metric metric, FetchVector fetch) {
    return [&space, metric, fetch = std::move(fetch), vector = std::vector<float>(space.dimensions()),
            point = std::vector<float>(space.padded())](
               const CalibrationQuery& query, tree::HeapAddress address) mutable -> std::optional<float> {
        if (!fetch(address, vector.data()) || !space.to_point(vector.data(), point.data())) return {};
        const simd::Kernels& kernels = simd::kernels();
        if (metric == Metric::inner_product)
            return -kernels.inner_product(query.point.data(), point.data(), point.size());
        return kernels.l2_squared(query.point.data(), point.data(), point.size());
    };
}

void measure_rows(tree::PageStore& store, const VannGeometry& geometry, const Space& space,
                  std::span<const RowQuery> queries, const FetchVector& fetch, QueryQueue& queue,
                  Tally& tally) {
    std::vector<float> vector(space.dimensions());
    const auto make = [&](std::size_t number, CalibrationQuery& query) {
        query.self = queries[number].row;
        query.counted = queries[number].counted;
        query.point.resize(space.padded());
        return fetch(query.self, vector.data()) && space.to_point(vector.data(), query.point.data());
    };
    measure(store, geometry, queries.size(), make, exact_order(space, geometry.layout().metric, fetch), queue,
            tally);
}

SearchSettings settings_for(const Calibration& calibration, double recall) noexcept {
    SearchSettings result;
    if (calibration.rows == 0) {
        // Three quarters of a hundred at .95, more for more: what sets of all kinds were content with.
        const double more = 0.05 / std::max(1 - recall, 0.001);
        result.probes = static_cast<unsigned>(std::lround(24 * std::sqrt(more)));
        result.beam = static_cast<unsigned>(std::lround(8 * std::sqrt(more)));
        result.rerank = static_cast<unsigned>(std::lround(48 * std::sqrt(more)));
        return result;
    }
    const auto& settings = calibration.settings;
    std::size_t above = 0;
    while (above + 1 < recall_targets.size() && recall_targets[above] < recall)
        above++;
    const std::size_t below = above == 0 ? 0 : above - 1;
    // Between two targets the effort grows about as evenly as the misses shrink, both taken as logarithms.
    // Above the last one the same goes on.
    const auto misses = [](double r) { return std::log(std::max(1 - r, 0.0005)); };
    double share = 1;
    if (above > below)
        share = std::max(0.0, (misses(recall) - misses(recall_targets[below])) /
                                  (misses(recall_targets[above]) - misses(recall_targets[below])));
    const auto between = [&](std::uint32_t Setting::*effort) {
        const double low = settings[below].*effort, high = settings[above].*effort;
        return static_cast<unsigned>(std::ceil(low * std::pow(high / low, share) - 1e-6));
    };
    result.probes = between(&Setting::probes);
    result.beam = between(&Setting::beam);
    result.rerank = between(&Setting::rerank);
    return result;
}

} // namespace soup::vann
