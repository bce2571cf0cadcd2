// How far a search reaches, and where rows go that come one by one: to the leaf that a build would give them.
#include "core/vann/frontier.hpp"
#include "tests/unit/vann_search_fixture.hpp"

namespace soup::vann::test {
namespace {

TEST(VannReach, IsAPartOfTheNearestOnesMean) {
    Nearest nearest;
    EXPECT_EQ(nearest.limit(0.5F), std::numeric_limits<float>::infinity());
    nearest.add(8);
    EXPECT_FLOAT_EQ(nearest.limit(0.5F), 12);
    for (const float order : {100.0F, 4.0F, 2.0F, 6.0F, 7.0F, 50.0F})
        nearest.add(order);
    EXPECT_FLOAT_EQ(nearest.limit(0), (2 + 4 + 6 + 7) / 4.0F);
    EXPECT_FLOAT_EQ(nearest.limit(1), 2 * (2 + 4 + 6 + 7) / 4.0F);
    EXPECT_LT(nearest.limit(-0.2F), nearest.limit(0));
    nearest = {};
    // Inner products are orders below zero; to reach farther is to be content with less.
    for (const float order : {-10.0F, -10.0F, -10.0F, -10.0F, -1.0F})
        nearest.add(order);
    EXPECT_FLOAT_EQ(nearest.limit(0.25F), -7.5F);
}

/// Rows that a search looked at before it returned one, and that first row's leaf among them.
std::size_t leaves_read(BuiltTree& tree, const Floats& asked, const SearchSettings& settings) {
    Asking asking(tree, asked, settings);
    EXPECT_TRUE(asking.search.next());
    return asking.search.pages().leaves;
}

TEST(VannReach, TakesMoreLeavesWhereManyAreEquallyNear) {
    Clustered source(64, 40, 41);
    const auto vectors = source.next(12'000);
    BuiltTree tree(make_parameters(64));
    tree.build(vectors);
    SearchSettings settings;
    settings.probes = 6;
    const Floats& inside = vectors[0];
    const Floats outside(64, 100);
    std::size_t before = 0;
    for (const float reach : {-10.0F, 0.0F, 0.5F, 2.0F}) {
        settings.reach = reach;
        const std::size_t leaves = leaves_read(tree, inside, settings);
        EXPECT_GE(leaves, std::max<std::size_t>(before, 1)) << reach;
        before = leaves;
    }
    settings.reach = -10.0F;
    EXPECT_EQ(leaves_read(tree, inside, settings), 1U);
    settings.reach = 0.2F;
    EXPECT_GT(leaves_read(tree, outside, settings), leaves_read(tree, inside, settings));
    // From far enough all leaves are equally near; the search is not to read them all.
    settings.probes = 1;
    settings.reach = 5.0F;
    EXPECT_EQ(leaves_read(tree, outside, settings), 16U);
    // An explicit number is that number.
    settings.reach.reset();
    settings.probes = 5;
    EXPECT_EQ(leaves_read(tree, outside, settings), 5U);
}

/// The same leaves are read, but what is many is said by the mean.
TEST(VannReach, RanksDeeperWhereMoreLeavesAreWithin) {
    EXPECT_EQ(deepened(1, 4), 1);
    EXPECT_EQ(deepened(6, 4), 1.5);
    EXPECT_EQ(deepened(1000, 4), 4);
    Clustered source(64, 40, 44);
    const auto vectors = source.next(12'000);
    BuiltTree tree(make_parameters(64));
    tree.build(vectors);
    const Asked asked(vectors, source.next(100));
    SearchSettings settings;
    settings.rerank = 16;
    settings.reach = 100.0F; // All leaves.
    settings.probes = 1000;
    const double few = asked.recall(tree, settings);
    settings.probes = 10;
    EXPECT_GT(asked.recall(tree, settings), few + 0.02);
    const double deeper = asked.recall(tree, settings);
    settings.probes = 1000;
    settings.rerank *= 4;
    EXPECT_EQ(asked.recall(tree, settings), deeper);
}

TEST(VannReach, LeavesNothingOut) {
    Clustered source(40, 10, 42);
    const auto vectors = source.next(6000);
    for (const Metric metric : {Metric::l2, Metric::inner_product, Metric::cosine}) {
        BuiltTree tree(make_parameters(40, metric));
        tree.build(vectors);
        for (const float reach : {-1.0F, 0.3F, 100.0F, std::numeric_limits<float>::quiet_NaN()}) {
            SearchSettings settings;
            settings.reach = reach;
            auto found = tree.nearest(vectors[0], settings, SIZE_MAX);
            std::ranges::sort(found);
            EXPECT_EQ(found, first_rows(6000)) << reach;
        }
    }
}

/// Of several inner pages the nearest need not be the one above the nearest leaf.
TEST(VannInsertion, PutsARowIntoTheNearestLeafOfAll) {
    for (const unsigned dimensions : {100U, 500U}) {
        Clustered source(dimensions, 1, dimensions);
        BuiltTree tree(make_parameters(dimensions));
        tree.build(source.next(dimensions == 100 ? 30'000 : 12'000));
        constexpr std::uint64_t first = 100'000, count = 200;
        std::vector<Floats> points;
        for (std::uint64_t i = 0; i < count; ++i) {
            const Floats vector = source.next();
            points.push_back(tree.point(vector));
            tree.insert(first + i, vector);
        }
        std::vector<double> nearest(count, std::numeric_limits<double>::max()), own(count);
        unsigned inner_pages = 0;
        Floats centroid(tree.layout.leaf_dims);
        for (tree::Block block = 1; block < tree.store.block_count(); ++block) {
            const tree::Page page = tree.store.lock(block, tree::Lock::shared);
            inner_pages += page.tail().kind == tree::PageKind::inner ? 1 : 0;
            if (page.tail().kind != tree::PageKind::leaf) continue;
            const LeafView leaf(tree.layout, page.body(), block);
            leaf.read_centroid(centroid.data());
            for (std::uint64_t i = 0; i < count; ++i) {
                points[i].resize(centroid.size());
                const double distance = squared_distance(points[i], centroid);
                nearest[i] = std::min(nearest[i], distance);
                for (unsigned slot = 0; slot < leaf.used(); ++slot)
                    if (leaf.address(slot) == VannTree::address(first + i)) own[i] = distance;
            }
        }
        EXPECT_GT(inner_pages, 2U);
        unsigned placed = 0;
        for (std::uint64_t i = 0; i < count; ++i)
            placed += own[i] <= nearest[i] * 1.0001 ? 1 : 0;
        EXPECT_GT(placed, count * 9 / 10) << dimensions;
    }
}

} // namespace
} // namespace soup::vann::test
