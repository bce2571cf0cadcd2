// Which inner pages a search opens: what the margins say, and the same as calibration reckons with.
#include "core/vann/route_map.hpp"
#include "core/vann/frontier.hpp"
#include "tests/unit/vann_search_fixture.hpp"

namespace soup::vann::test {
namespace {

TEST(VannMargin, IsADistance) {
    const Layout layout(16, Metric::l2, 0), products(16, Metric::inner_product, 0);
    Query query(layout), product(products);
    query.prepare(Floats(16, 1).data());
    const Within within(query, 9, 0.5F); // 3 and half the spread.
    EXPECT_TRUE(within.takes(24.9F, 4));
    EXPECT_FALSE(within.takes(25.1F, 4));
    EXPECT_FALSE(within.takes(24.9F, 3.9F));
    EXPECT_TRUE(Within(query, -1, 1).takes(3.9F, 2)); // An estimate can be below zero.
    EXPECT_FALSE(Within(query, -1, 1).takes(4.1F, 2));
    EXPECT_FALSE(within.takes(0, std::numeric_limits<float>::quiet_NaN()));
    // Of what is so far away, the inner product with a query of length 4 differs by 4 times as much.
    product.prepare(Floats(16, 1).data());
    EXPECT_TRUE(Within(product, -9, 0.5F).takes(-1.1F, 4));
    EXPECT_FALSE(Within(product, -9, 0.5F).takes(-0.9F, 4));
}

/// Pages of a tree by level, leaves first, and whose children they are.
struct Pages {
    explicit Pages(BuiltTree& tree) : tree(tree) { add(tree::root_block, 0); }

    struct One {
        tree::Block block;
        std::size_t parent; ///< In the level above.
    };
    void add(tree::Block block, std::size_t parent) {
        const tree::Page page = tree.store.lock(block, tree::Lock::shared);
        const std::size_t level = page.tail().level;
        if (levels.size() <= level) levels.resize(level + 1);
        levels[level].push_back({block, parent});
        if (level == 0) return;
        const std::size_t own = levels[level].size() - 1;
        const InnerView inner(tree.layout, page.body(), block);
        for (unsigned i = 0; i < inner.count(); ++i)
            add(inner.child(i), own);
    }
    Floats centroid(const One& one) const {
        Floats bound = page_bound(tree.layout, tree.store.lock(one.block, tree::Lock::shared));
        bound.pop_back();
        return bound;
    }
    /// Root of the mean squared distance of a page's children, and their spreads below, level by level.
    double spread(std::size_t level, std::size_t page) const {
        if (level == 0) return 0;
        double sum = 0, count = 0;
        for (std::size_t child = 0; child < levels[level - 1].size(); ++child) {
            if (levels[level - 1][child].parent != page) continue;
            sum += squared_distance(centroid(levels[level - 1][child]), centroid(levels[level][page])) +
                   std::pow(spread(level - 1, child), 2);
            ++count;
        }
        return std::sqrt(sum / count);
    }

    BuiltTree& tree;
    std::vector<std::vector<One>> levels;
};

class VannMargins : public testing::TestWithParam<std::pair<unsigned, Metric>> {
protected:
    VannMargins() : tree(make_parameters(GetParam().first, GetParam().second)) {
        Clustered source(GetParam().first, 60, 61);
        const auto vectors = source.next(GetParam().first > 256 ? 10'000 : 16'000);
        auto options = tree.options(vectors.size());
        tree.build(vectors, options, 4000, BuiltTree::Recall::unknown);
        queries = source.next(40);
        for (const float outside : {0.5F, 3.0F, 100.0F})
            queries.emplace_back(GetParam().first, outside);
    }
    std::size_t opened(const Floats& vector, float margin) {
        Query query(tree.layout);
        query.prepare(tree.point(vector).data());
        Frontier frontier(tree.store, tree.geometry);
        frontier.open_near(query, margin);
        return frontier.pages_opened();
    }

    /// What a parent says of its children's spreads is what they say themselves, or a little more.
    void expect_spreads_of_children(const tree::Page& page) {
        const InnerView inner(tree.layout, page.body(), page.block());
        for (unsigned entry = 0; entry < inner.count(); ++entry) {
            const tree::Page child = tree.store.lock(inner.child(entry), tree::Lock::shared);
            const float spread = page_bound(tree.layout, child).back();
            EXPECT_GE(inner.spread(entry), spread);
            EXPECT_LE(inner.spread(entry), spread * 1.045F);
        }
    }

    BuiltTree tree;
    std::vector<Floats> queries;
};

INSTANTIATE_TEST_SUITE_P(Of, VannMargins,
                         testing::Values(std::pair(240U, Metric::l2), std::pair(240U, Metric::inner_product),
                                         std::pair(700U, Metric::l2)));

TEST_P(VannMargins, AreMeasuredInThePagesOwnSpreads) {
    const Pages pages(tree);
    ASSERT_GE(pages.levels.size(), 3U);
    for (std::size_t level = 1; level < pages.levels.size(); ++level)
        for (std::size_t i = 0; i < pages.levels[level].size(); ++i) {
            const tree::Page page = tree.store.lock(pages.levels[level][i].block, tree::Lock::shared);
            const InnerView inner(tree.layout, page.body(), page.block());
            EXPECT_NEAR(inner.spread() / pages.spread(level, i), 1, 1e-3);
            expect_spreads_of_children(page);
        }
}

TEST_P(VannMargins, AreMeasuredInSpreadsOfPagesThatWereSplit) {
    const std::size_t before = Pages(tree).levels[1].size();
    Clustered source(GetParam().first, 1, 62);
    for (std::uint64_t row = 1'000'000; Pages(tree).levels[1].size() < before + 2;)
        for (int i = 0; i < 200; ++i)
            tree.insert(row++, source.next());
    const Pages pages(tree);
    for (std::size_t level = 1; level < pages.levels.size(); ++level)
        for (std::size_t i = 0; i < pages.levels[level].size(); ++i) {
            const tree::Page page = tree.store.lock(pages.levels[level][i].block, tree::Lock::shared);
            const float spread = page_bound(tree.layout, page).back();
            EXPECT_GT(spread, pages.spread(level, i) / 2) << "level " << level; // Pages came to it since.
            EXPECT_LT(spread, pages.spread(level, i) * 2) << "level " << level;
            expect_spreads_of_children(page);
        }
}

TEST_P(VannMargins, OpenMoreTheGreaterTheyAre) {
    std::size_t least = 0, most = 0, before = 0;
    for (const float margin : {0.0F, 0.3F, 0.6F, 1.0F, 3.0F}) {
        std::size_t sum = 0;
        for (const Floats& vector : queries) {
            const std::size_t pages = opened(vector, margin);
            EXPECT_GE(pages, 3U); // The root and two.
            EXPECT_LE(pages, 1 + opened_at_first);
            sum += pages;
        }
        EXPECT_GE(sum, before) << margin;
        before = sum;
        if (margin == 0) least = sum;
        most = sum;
    }
    EXPECT_GT(most, least + least / 2);
    const std::size_t all = Pages(tree).levels[1].size();
    for (const Floats& vector : queries)
        EXPECT_EQ(opened(vector, SearchSettings{}.margin), std::min(all, opened_at_first) + 1);
    EXPECT_LE(opened(queries[0], std::numeric_limits<float>::quiet_NaN()), 3U);
}

/// What calibration counts with is what a search does.
TEST_P(VannMargins, OpenTheSamePagesOfAMap) {
    RouteMap map(tree.store, tree.geometry);
    for (const Floats& vector : queries) {
        Query query(tree.layout);
        query.prepare(tree.point(vector).data());
        map.read(query);
        for (const float margin : {0.0F, 0.3F, 0.6F, 1.0F, 3.0F}) {
            Frontier frontier(tree.store, tree.geometry);
            frontier.start();
            frontier.open_near(query, margin);
            std::vector<bool> parents;
            EXPECT_EQ(map.know(query, margin, parents), frontier.pages_opened()) << margin;
            std::vector<tree::Block> searched, known;
            for (const auto& leaf : frontier.take(SIZE_MAX))
                searched.push_back(leaf.link.block);
            for (const RouteMap::Leaf& leaf : map.leaves())
                if (parents[leaf.parent]) known.push_back(leaf.link.block);
            std::ranges::sort(searched);
            std::ranges::sort(known);
            EXPECT_EQ(searched, known) << margin;
        }
    }
}

/// A leaf that is farther than it seemed brings less near.
TEST_P(VannMargins, FollowALeafThatMoves) {
    RouteMap map(tree.store, tree.geometry);
    Query query(tree.layout);
    query.prepare(tree.point(queries[0]).data());
    map.read(query);
    constexpr float margin = 0.2F;
    std::vector<bool> parents;
    const std::size_t before = map.know(query, margin, parents);
    std::vector<RouteMap::Leaf> leaves(map.leaves().begin(), map.leaves().end());
    for (const RouteMap::Leaf& leaf : leaves)
        map.move(leaf.link.block, leaf.order + std::abs(leaf.order) + 100);
    EXPECT_GT(map.know(query, margin, parents), before);
    for (const RouteMap::Leaf& leaf : leaves)
        map.move(leaf.link.block, leaf.order);
    EXPECT_EQ(map.know(query, margin, parents), before);
}

} // namespace
} // namespace soup::vann::test
