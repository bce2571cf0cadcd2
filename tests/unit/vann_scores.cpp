// What a calibration query sees is what a search sees, in the same order, but that its own leaf lies where it
// would without it: compared with the map of inner pages, which knows nothing of rows.
#include "core/vann/scores.hpp"
#include "tests/unit/vann_search_fixture.hpp"

namespace soup::vann::test {
namespace {

using Steps = std::vector<Scores::Step>;
constexpr float far = 1e6F;       ///< A reach that nothing is beyond.
constexpr double rounding = 1e-3; ///< Of orders that are some tens to some hundreds.

constexpr float everything = 1e6F; ///< A margin within which all pages are.

/// The orders, ascending, of the leaves that are known for a query that is no row; and which of them is the
/// leaf of the query's row.
struct Plain {
    Plain(BuiltTree& tree, const CalibrationQuery& asked)
        : metric(tree.layout.metric), query(tree.layout), map(tree.store, tree.geometry) {
        query.prepare(asked.point.data());
        squared_norm = squared_distance(asked.point, Floats(asked.point.size()));
        map.read(query);
        for (const RouteMap::Leaf& known : map.leaves()) {
            orders.push_back(known.order);
            const tree::Page page = tree.store.lock(known.link.block, tree::Lock::shared);
            const LeafView leaf(tree.layout, page.body(), known.link.block);
            for (unsigned slot = 0; slot < leaf.used(); ++slot)
                if (leaf.address(slot) == asked.self) {
                    own_leaf = known.link.block;
                    own_order = known.order;
                    own_rows = leaf.live();
                }
        }
        std::ranges::sort(orders);
    }
    /// Of m rows with the mean c, without x the mean is c + (c - x) / (m - 1).
    float order_without_the_row() const {
        const double others = std::max(own_rows, 2.0) - 1;
        if (metric == Metric::inner_product)
            return static_cast<float>(own_order + (own_order + squared_norm) / others);
        return static_cast<float>(own_order * (1 + 1 / others) * (1 + 1 / others));
    }
    std::vector<float> without_the_row() const {
        std::vector<float> moved = orders;
        moved.erase(std::ranges::lower_bound(moved, own_order));
        moved.insert(std::ranges::upper_bound(moved, order_without_the_row()), order_without_the_row());
        return moved;
    }
    /// How many leaves come before the row's own, with it and without.
    auto places() const {
        const auto place = [&](float order) {
            return static_cast<std::size_t>(std::ranges::lower_bound(orders, order) - orders.begin());
        };
        return std::pair(place(own_order), place(order_without_the_row()));
    }

    /// Inner pages that a search with this margin opens, the row's own leaf being where it is and where it
    /// were without the row.
    auto pages(float margin) {
        std::vector<bool> parents;
        const std::size_t with = map.know(query, margin, parents);
        map.move(own_leaf, order_without_the_row());
        const std::size_t without = map.know(query, margin, parents);
        map.move(own_leaf, own_order);
        return std::pair(with, without);
    }

    Metric metric;
    Query query;
    RouteMap map;
    std::vector<float> orders;
    tree::Block own_leaf = tree::no_block;
    float own_order = 0;
    double own_rows = 0, squared_norm = 0;
};

/// Ascending, complete, each leaf once.
void expect_all(const Steps& route, const std::vector<float>& orders, std::size_t scored) {
    ASSERT_EQ(route.size(), orders.size());
    std::vector<unsigned> seen(scored);
    for (std::size_t i = 0; i < route.size(); ++i) {
        ASSERT_NEAR(route[i].order, orders[i], rounding) << i;
        if (i > 0) {
            ASSERT_GE(route[i].order, route[i - 1].order) << i;
        }
        if (route[i].leaf == Scores::not_scored) continue;
        ASSERT_LT(route[i].leaf, scored);
        ++seen[route[i].leaf];
    }
    EXPECT_EQ(seen, std::vector<unsigned>(scored, 1));
}

bool is_same(const Scores::Step& a, const Scores::Step& b) {
    return a.order == b.order && a.leaf == b.leaf;
}

/// A shorter reach has the first of the leaves that the farthest one has.
void expect_prefixes(Scores& scores, const CalibrationQuery& query) {
    std::size_t cut = 0;
    for (const float margin : {0.0F, 0.3F, everything}) {
        scores.take(query);
        std::vector<Steps> routes;
        routes.reserve(reaches.size());
        for (const float reach : reaches)
            routes.push_back(scores.route(margin, reach));
        const Steps all = scores.route(margin, far);
        Nearest nearest;
        for (std::size_t i = 0; i < std::min(all.size(), Nearest::count); ++i)
            nearest.add(all[i].order);
        for (std::size_t r = 0; r < reaches.size(); ++r) {
            const float limit = scores.nearest().limit(reaches[r]);
            EXPECT_EQ(limit, nearest.limit(reaches[r]));
            std::size_t within = std::min(all.size(), Nearest::count);
            while (within < all.size() && all[within].order <= limit)
                ++within;
            cut += within < all.size() ? 1 : 0;
            const std::span expected(all.data(), within);
            EXPECT_TRUE(std::ranges::equal(routes[r], expected, is_same))
                << "margin " << margin << ", reach " << reaches[r] << ": " << routes[r].size() << " of "
                << within;
        }
    }
    EXPECT_GT(cut, 0U);
}

/// The drawn queries' rows stay where they are, with `beside` others in the leaf at most.
void thin_out(BuiltTree& tree, const std::vector<CalibrationQuery>& drawn, unsigned beside) {
    std::vector<tree::HeapAddress> dead;
    for (tree::Block block = 1; block < tree.store.block_count(); ++block) {
        const tree::Page page = tree.store.lock(block, tree::Lock::shared);
        if (page.tail().kind != tree::PageKind::leaf) continue;
        const LeafView leaf(tree.layout, page.body(), block);
        const std::span rows(leaf.addresses(), leaf.used());
        const auto is_drawn = [&](tree::HeapAddress row) {
            return std::ranges::find(drawn, row, &CalibrationQuery::self) != drawn.end();
        };
        if (std::ranges::none_of(rows, is_drawn)) continue;
        unsigned kept = 0;
        for (const tree::HeapAddress row : rows)
            if (!is_drawn(row) && ++kept > beside) dead.push_back(row);
    }
    tree.vacuum(
        [&](std::uint64_t row) { return std::ranges::find(dead, VannTree::address(row)) != dead.end(); });
}

class VannScores : public testing::TestWithParam<Metric> {
protected:
    /// Clusters as wide as they are apart: a query's nearest rows are in the few leaves of its own, and all
    /// others are about equally far.
    VannScores() : tree(make_parameters(dimensions, GetParam())) {
        std::mt19937_64 random(51);
        std::vector<Floats> centres;
        while (centres.size() < 16)
            centres.push_back(normal(dimensions, random));
        std::vector<Floats> vectors;
        while (vectors.size() < 16'000) {
            vectors.push_back(normal(dimensions, random));
            std::ranges::transform(vectors.back(), centres[vectors.size() % centres.size()],
                                   vectors.back().begin(), std::plus());
        }
        tree.build(vectors, tree.options(vectors.size()), 4000, BuiltTree::Recall::unknown);
        drawn = draw_queries(tree.store, tree.geometry, 12, 1);
    }
    void expect_routes() {
        Scores scores(tree.store, tree.geometry);
        for (CalibrationQuery query : drawn) {
            Plain plain(tree, query);
            ASSERT_GT(plain.own_rows, 0);
            scores.take(query);
            expect_all(scores.route(everything, far), plain.without_the_row(), scores.leaves());
            EXPECT_LT(scores.route(0, far).size(), plain.orders.size());
            for (int i = 0; i < 20; ++i) {
                const float margin = 0.05F * static_cast<float>(i);
                scores.route(margin, far);
                const auto [with, without] = plain.pages(margin);
                EXPECT_EQ(scores.pages_opened(), without) << margin;
                led_elsewhere += with != without ? 1 : 0;
            }
            expect_prefixes(scores, query);
            query.counted = CalibrationQuery::Counted::apart;
            scores.take(query);
            expect_all(scores.route(everything, far), plain.orders, scores.leaves());
            query = {query.point};
            scores.take(query);
            expect_all(scores.route(everything, far), plain.orders, scores.leaves());
            const auto [with, without] = plain.places();
            passed_by = std::max(passed_by, without > with ? without - with : with - without);
        }
    }

    static constexpr unsigned dimensions = 200;
    BuiltTree tree;
    std::vector<CalibrationQuery> drawn;
    std::size_t passed_by = 0;     ///< Leaves, by a query's own one, at the most.
    std::size_t led_elsewhere = 0; ///< Queries' margins that open other pages without the query's own row.
};

INSTANTIATE_TEST_SUITE_P(Of, VannScores, testing::Values(Metric::l2, Metric::inner_product));

TEST_P(VannScores, KnowEveryLeafInItsPlace) {
    expect_routes();
    EXPECT_GT(passed_by, 0U);
    // Of few rows one says much about where the leaf lies: without it that is behind leaves that no one had
    // put in order.
    for (const unsigned beside : {1U, 0U}) {
        thin_out(tree, drawn, beside);
        passed_by = 0;
        expect_routes();
        EXPECT_GT(passed_by, 128U) << beside;
    }
    EXPECT_GT(led_elsewhere, 0U);
}

} // namespace
} // namespace soup::vann::test
