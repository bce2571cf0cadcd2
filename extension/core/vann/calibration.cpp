// Each query scores the leaves near it once. What any reach, any margin and any re-rank depth would have
// found is then read off these scores, without searching again.
#include "core/vann/calibration.hpp"

#include "core/simd/dispatch.hpp"
#include "core/vann/decoded_leaf.hpp"
#include "core/vann/scores.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <random>

namespace soup::vann {
namespace {

constexpr std::size_t scanned_in_all = 1'000'000; ///< Leaves, by all queries together: about a second.
constexpr std::size_t queries_min = 500, queries_max = 2000;

// What a page of each kind costs a query, in leaves: a leaf is pinned, read and scored; inner pages are fewer
// and stay in the processor's cache; of a detail page only one entry is read.
constexpr double inner_cost = 0.8, leaf_cost = 1, detail_cost = 0.5;

/// What a search has found after some leaves.
class Reading {
public:
    explicit Reading(const std::vector<Scores::Watched>& watched)
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
    /// For each depth, so many times deeper: the part of the wanted neighbours that is among the ten best of
    /// the first so many entries.
    void share(double deeper, std::size_t wanted, std::array<double, depths.size()>& shares) const {
        bool is_passed_over = true;
        for (std::size_t d = 0; d < depths.size(); d++) {
            if (!is_passed_over) { // Nothing is too deep any more.
                shares[d] = shares[d - 1];
                continue;
            }
            is_passed_over = false;
            const auto depth = static_cast<std::size_t>(depths[d] * deeper);
            std::size_t returned = 0, hits = 0;
            for (std::size_t i = 0; i < watched_.size() && returned < rows_at_once; i++) {
                if (is_read_[i] == 0) continue;
                if (before_[i] >= depth) {
                    is_passed_over = true;
                    continue;
                }
                returned++;
                hits += watched_[i].is_true ? 1 : 0;
            }
            shares[d] = static_cast<double>(std::min(hits, wanted)) / static_cast<double>(wanted);
        }
    }

private:
    const std::vector<Scores::Watched>& watched_; ///< By rank.
    std::vector<std::uint8_t> is_read_;           ///< Whether the entry's leaf was read.
    std::vector<std::uint32_t> before_; ///< Entries with a better estimate in the leaves that were read.
};

void count_query(Scores& scores, const std::vector<Scores::Watched>& watched, Tally& tally) {
    for (std::size_t m = 0; m < margins.size(); m++) {
        const auto& route = scores.route(margins[m], reaches.back());
        tally.opened[m] += static_cast<double>(scores.pages_opened());
        Reading reading(watched);
        std::size_t at = 0;
        double last_deeper = 0;
        std::array<double, depths.size()> shares{};
        for (std::size_t r = 0; r < reaches.size(); r++) {
            const float limit = scores.nearest().limit(reaches[r]);
            bool is_changed = false;
            for (; at < route.size() && (at == 0 || route[at].order <= limit); at++)
                if (route[at].leaf != Scores::not_scored &&
                    reading.read(route[at].leaf, scores.before(route[at].leaf)))
                    is_changed = true;
            const double deeper = deepened(at, tally.mean_leaves(m, r));
            tally.leaves[m][r] += static_cast<double>(at);
            tally.deeper[m][r] += deeper;
            is_changed = is_changed || deeper != last_deeper;
            last_deeper = deeper;
            if (is_changed) reading.share(deeper, scores.wanted(), shares);
            for (std::size_t d = 0; d < depths.size(); d++)
                tally.found[m][r][d] += shares[d];
        }
    }
    tally.queries++;
}

/// The least reach that finds enough, and what it takes; or all that can be found.
struct Reach {
    double reach, leaves, deeper, recall;
};
Reach reach_for(const Tally& tally, std::size_t m, std::size_t d, double target) {
    const auto queries = static_cast<double>(tally.queries);
    const auto recall = [&](std::size_t r) { return tally.found[m][r][d] / queries; };
    const double wanted = std::min(target, recall(reaches.size() - 1));
    std::size_t r = 0;
    while (recall(r) < wanted)
        r++;
    const double deeper = tally.deeper[m][r] / queries;
    const Reach enough{reaches[r], tally.leaves[m][r] / queries, deeper, recall(r)};
    if (r == 0 || wanted < target) return enough;
    // Between two that were measured recall grows evenly, nearly.
    const double share = (target - recall(r - 1)) / (recall(r) - recall(r - 1));
    const double leaves = tally.leaves[m][r - 1] / queries;
    return {reaches[r - 1] + share * (reaches[r] - reaches[r - 1]), leaves + share * (enough.leaves - leaves),
            deeper, target};
}

/// No margin, depth or reach below `least`, so that more recall never takes less.
Setting choose(const Tally& tally, float target, const Setting& least) {
    Setting chosen{};
    double best_cost = std::numeric_limits<double>::max(), best_recall = 0;
    const auto queries = static_cast<double>(tally.queries);
    for (std::size_t m = 0; m < margins.size(); m++)
        for (std::size_t d = 0; d < depths.size(); d++) {
            if (margins[m] < least.margin || depths[d] < least.rerank) continue;
            const Reach reach = reach_for(tally, m, d, target);
            const double recall = std::min<double>(reach.recall, target);
            const double cost = inner_cost * tally.opened[m] / queries + leaf_cost * reach.leaves +
                                detail_cost * reach.deeper * depths[d];
            if (recall < best_recall || (recall == best_recall && cost >= best_cost)) continue;
            best_recall = recall;
            best_cost = cost;
            const double below_root = std::max(1.0, tally.opened[m] / queries - 1);
            chosen = {static_cast<std::uint32_t>(std::ceil(reach.leaves)),
                      static_cast<std::uint32_t>(std::ceil(below_root)),
                      depths[d],
                      static_cast<float>(reach.recall),
                      static_cast<float>(reach.reach),
                      margins[m]};
        }
    chosen.probes = std::max(chosen.probes, least.probes);
    chosen.beam = std::max(chosen.beam, least.beam);
    chosen.reach = std::max(chosen.reach, least.reach);
    return chosen;
}

} // namespace

std::size_t calibration_queries(std::uint64_t rows) noexcept {
    return std::min<std::uint64_t>(rows, queries_max);
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
        decode_slot(store, leaf, page.block(), slot, centroid.data(), query.point.data());
        queries.push_back(std::move(query));
    }
    return queries;
}

unsigned Tally::mean_leaves(std::size_t m, std::size_t r) const noexcept {
    constexpr std::uint64_t few = 32;
    if (queries < few) return std::numeric_limits<unsigned>::max();
    return static_cast<unsigned>(std::ceil(leaves[m][r] / static_cast<double>(queries)));
}

void Tally::add(const Tally& other) noexcept {
    for (std::size_t m = 0; m < margins.size(); m++) {
        opened[m] += other.opened[m];
        for (std::size_t r = 0; r < reaches.size(); r++) {
            leaves[m][r] += other.leaves[m][r];
            deeper[m][r] += other.deeper[m][r];
            for (std::size_t d = 0; d < depths.size(); d++)
                found[m][r][d] += other.found[m][r][d];
        }
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
    Setting least{.probes = 1,
                  .beam = 1,
                  .rerank = 1,
                  .measured_recall = 0,
                  .reach = reaches.front(),
                  .margin = margins.front()};
    for (std::size_t i = 0; i < recall_targets.size(); i++)
        least = calibration.settings[i] = choose(tally, recall_targets[i], least);
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

bool is_outdated(const Calibration& calibration, std::uint64_t rows) noexcept {
    constexpr std::uint64_t rows_min = 1000; // Below, a search reads most of the index anyway.
    if (rows < rows_min) return false;
    const std::uint64_t measured = calibration.rows;
    if (rows / 3 * 2 >= measured || rows <= measured / 4) return true;
    // Rows that went are followed by others, more often than not: what is left is not worth measuring, and
    // until they come a search finds more than it was asked for.
    return calibration.removed > measured / 3 && rows > measured / 3 * 2;
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
    // A reach may be below zero; what it is more than the least one grows evenly, too.
    const auto evenly = [&](float Setting::*number) {
        const double low = settings[below].*number, high = settings[above].*number;
        return static_cast<float>(low + share * (high - low));
    };
    result.reach = evenly(&Setting::reach);
    result.margin = evenly(&Setting::margin);
    result.probes = between(&Setting::probes);
    result.beam = between(&Setting::beam);
    result.rerank = between(&Setting::rerank);
    return result;
}

} // namespace soup::vann
