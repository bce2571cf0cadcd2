// The geometry on the page tree, in memory: whatever is inserted stays, once and with its keys, through
// splits, vacuum and reuse, in every dimension and metric; pages pass verify after each step.
#include "tests/unit/vann_fixture.hpp"

#include <numeric>
#include <set>

namespace soup::vann::test {
namespace {

std::vector<std::uint64_t> first_rows(std::uint64_t count) {
    std::vector<std::uint64_t> rows(count);
    std::iota(rows.begin(), rows.end(), 0);
    return rows;
}

/// Points around a few centres, and some anywhere.
class Clusters {
public:
    Clusters(unsigned dimensions, std::uint64_t seed) : random_(seed) {
        for (int i = 0; i < 10; ++i)
            centres_.push_back(normal(dimensions, random_, 5));
    }
    Floats next() {
        const Floats& centre = centres_[random_() % centres_.size()];
        Floats vector = normal(static_cast<unsigned>(centre.size()), random_);
        for (std::size_t i = 0; i < vector.size(); ++i)
            vector[i] += centre[i];
        return vector;
    }

private:
    std::mt19937_64 random_;
    std::vector<Floats> centres_;
};

TEST(VannPages, AnEmptyIndexIsSound) {
    VannTree tree(make_parameters(20));
    EXPECT_TRUE(tree.rows().empty());
    EXPECT_EQ(tree.violations(), nothing_wrong);
    EXPECT_EQ(tree.vacuum([](std::uint64_t) { return true; }).dead, 0U);
}

TEST(VannPages, KeepEveryRowInEveryDimension) {
    for (const unsigned dimensions : every_dimension) {
        SCOPED_TRACE(dimensions);
        VannTree tree(make_parameters(dimensions));
        Clusters clusters(dimensions, dimensions);
        // Several leaves; two levels where that does not take too long.
        const std::uint64_t count = dimensions > 3000 ? 200 : dimensions > 400 ? 1000 : 3000;
        for (std::uint64_t row = 0; row < count; ++row)
            tree.insert(row, clusters.next());
        EXPECT_EQ(tree.rows(), first_rows(count));
        EXPECT_GT(tree.leaves, count / tree.layout.leaf.capacity);
        EXPECT_LE(tree.leaves, 3 * count / tree.layout.leaf.capacity + 1);
        EXPECT_EQ(tree.violations(), nothing_wrong);
    }
}

TEST(VannPages, KeepKeysWithTheirRows) {
    for (const Metric metric : {Metric::l2, Metric::inner_product, Metric::cosine, Metric::l1})
        for (const unsigned key_bytes : {2U, 9U, 128U}) {
            SCOPED_TRACE(key_bytes);
            VannTree tree(make_parameters(40, metric, key_bytes));
            Clusters clusters(40, key_bytes);
            const Floats again = clusters.next();
            for (std::uint64_t row = 0; row < 2000; ++row)
                tree.insert(row, row % 3 == 0 ? again : clusters.next());
            EXPECT_EQ(tree.rows(), first_rows(2000));
            EXPECT_EQ(tree.violations(), nothing_wrong);
        }
}

TEST(VannPages, GrowThreeLevels) {
    VannTree tree(make_parameters(1536));
    Clusters clusters(1536, 9);
    const std::uint64_t count = 1500; // Leaves of 32, inner pages of 32 children.
    for (std::uint64_t row = 0; row < count; ++row)
        tree.insert(row, clusters.next());
    EXPECT_EQ(tree.rows(), first_rows(count));
    EXPECT_EQ(tree::tail(tree.store.raw(tree::root_block)).level, 2);
    EXPECT_EQ(tree.violations(), nothing_wrong);
}

TEST(VannPages, TakeEqualVectorsByTheThousand) {
    for (const unsigned dimensions : {3U, 64U, 784U}) {
        SCOPED_TRACE(dimensions);
        VannTree tree(make_parameters(dimensions, Metric::l2, 5));
        std::mt19937_64 random(dimensions);
        const Floats one = normal(dimensions, random), two = normal(dimensions, random);
        for (std::uint64_t row = 0; row < 10'000; ++row)
            tree.insert(row, row % 10 == 0 ? two : one);
        EXPECT_EQ(tree.rows(), first_rows(10'000));
        EXPECT_EQ(tree.leaves, 1U);
        EXPECT_LT(tree.store.block_count(), 4 + 10'000 / tree.layout.chain.capacity + 2);
        EXPECT_EQ(tree.violations(), nothing_wrong);
    }
}

/// A million addresses of one vector: each goes to the chain's first page, so it takes no time to speak of.
TEST(VannPages, TakeAMillionEqualVectors) {
    VannTree tree(make_parameters(16));
    std::mt19937_64 random(16);
    const Floats point = tree.point(normal(16, random));
    const std::uint64_t count = 1'000'000;
    for (std::uint64_t row = 0; row < count; ++row)
        tree::insert(tree.store, tree.geometry, {point, VannTree::address(row), {}});
    EXPECT_EQ(tree.rows(), first_rows(count));
    EXPECT_EQ(tree.leaves, 1U);
    EXPECT_EQ(tree.violations(), nothing_wrong);
    const tree::VacuumResult result = tree.vacuum([](std::uint64_t row) { return row % 1000 != 0; });
    EXPECT_EQ(result.live, count / 1000);
    EXPECT_EQ(result.dead, count - count / 1000);
    EXPECT_EQ(tree.rows().size(), count / 1000);
    EXPECT_EQ(tree.violations(), nothing_wrong);
}

TEST(VannPages, SplitChainsAlongWithTheirLeaf) {
    VannTree tree(make_parameters(100, Metric::inner_product, 3));
    Clusters clusters(100, 11);
    std::vector<Floats> repeated(6);
    std::generate(repeated.begin(), repeated.end(), [&] { return clusters.next(); });
    std::uint64_t row = 0;
    for (; row < 3000; ++row)
        tree.insert(row, repeated[row % repeated.size()]);
    for (; row < 6000; ++row)
        tree.insert(row, clusters.next());
    EXPECT_EQ(tree.rows(), first_rows(6000));
    EXPECT_GT(tree.leaves, 10U);
    EXPECT_EQ(tree.violations(), nothing_wrong);
}

TEST(VannPages, VacuumRemovesJustTheDead) {
    for (const unsigned dimensions : {5U, 48U, 800U}) {
        SCOPED_TRACE(dimensions);
        VannTree tree(make_parameters(dimensions, Metric::l2, 4));
        Clusters clusters(dimensions, dimensions);
        const Floats again = clusters.next();
        for (std::uint64_t row = 0; row < 2000; ++row)
            tree.insert(row, row % 2 == 0 ? again : clusters.next());
        const auto is_dead = [](std::uint64_t row) { return row % 3 != 0 || row >= 1800; };
        std::vector<std::uint64_t> expected;
        for (const std::uint64_t row : first_rows(2000))
            if (!is_dead(row)) expected.push_back(row);
        const tree::VacuumResult result = tree.vacuum(is_dead);
        EXPECT_EQ(result.live, expected.size());
        EXPECT_EQ(result.dead, 2000 - expected.size());
        EXPECT_EQ(tree.rows(), expected);
        EXPECT_EQ(tree.violations(), nothing_wrong);
    }
}

/// Ten generations of rows in the room of one and a half: freed slots, leaves, details and chains are reused.
TEST(VannPages, ReuseWhatVacuumFreed) {
    VannTree tree(make_parameters(64));
    Clusters clusters(64, 21);
    const Floats again = clusters.next();
    std::uint64_t row = 0;
    tree::Block after_first = 0;
    for (int generation = 0; generation < 10; ++generation) {
        const std::uint64_t from = row;
        for (; row < from + 3000; ++row)
            tree.insert(row, row % 4 == 0 ? again : clusters.next());
        if (generation == 0) after_first = tree.store.block_count();
        tree.vacuum([&](std::uint64_t other) { return other < from; });
        EXPECT_EQ(tree.rows().size(), 3000U);
        EXPECT_EQ(tree.violations(), nothing_wrong);
    }
    EXPECT_LT(tree.store.block_count(), after_first * 5 / 2);
}

TEST(VannPages, EmptyAndFillAgain) {
    VannTree tree(make_parameters(30));
    Clusters clusters(30, 31);
    for (std::uint64_t row = 0; row < 5000; ++row)
        tree.insert(row, clusters.next());
    tree.vacuum([](std::uint64_t) { return true; });
    EXPECT_TRUE(tree.rows().empty());
    EXPECT_EQ(tree.violations(), nothing_wrong);
    for (std::uint64_t row = 0; row < 5000; ++row)
        tree.insert(row, clusters.next());
    EXPECT_EQ(tree.rows(), first_rows(5000));
    EXPECT_EQ(tree.violations(), nothing_wrong);
}

/// A crash after any change leaves a tree that lost nothing but the insert that it interrupted, and pages
/// that vacuum gives back.
TEST(VannPages, SurviveACrashAtEveryChange) {
    for (std::uint64_t crash = 0; crash < 120; ++crash) {
        VannTree tree(make_parameters(1000, Metric::l2, 2));
        Clusters clusters(1000, 41);
        const Floats again = clusters.next();
        std::uint64_t row = 0;
        for (; row < 60; ++row)
            tree.insert(row, row % 2 == 0 ? again : clusters.next());
        tree.store.crash_after(crash);
        bool has_crashed = false;
        try {
            for (; row < 200; ++row)
                tree.insert(row, row % 5 == 0 ? again : clusters.next());
        } catch (const soup::test::Crash&) {
            has_crashed = true;
        }
        ASSERT_TRUE(has_crashed) << "did not come to change " << crash;
        tree.store.no_crash();
        const auto rows = tree.rows();
        // The crash may have hit after the row's own change.
        ASSERT_TRUE(rows == first_rows(row) || rows == first_rows(row + 1)) << "crash at change " << crash;
        tree.vacuum([](std::uint64_t) { return false; });
        ASSERT_EQ(tree.violations(), nothing_wrong) << "crash at change " << crash;
        ASSERT_EQ(tree.rows(), rows);
    }
}

/// How many clusters leaves have rows of, if a row's is its number modulo `clusters`.
std::set<std::size_t> clusters_in_leaves(VannTree& tree, std::uint64_t clusters) {
    std::set<std::size_t> counts;
    for (tree::Block block = 1; block < tree.store.block_count(); ++block) {
        const tree::Page page = tree.store.lock(block, tree::Lock::shared);
        if (page.tail().kind != tree::PageKind::leaf) continue;
        const LeafView leaf(tree.layout, page.body(), block);
        std::set<std::uint64_t> held;
        for (unsigned slot = 0; slot < leaf.used(); ++slot)
            if (!is_free(leaf.address(slot))) held.insert(VannTree::row(leaf.address(slot)) % clusters);
        counts.insert(held.size());
    }
    return counts;
}

/// Small clusters far apart in one leaf could not be told apart within: codes are as coarse as the way
/// between clusters is long. So they get leaves of their own long before one is full; other vectors do not.
/// (Rows that were coded before their leaf was divided stay coarse, and may get one more leaf, apart from the
/// finer ones.)
TEST(VannPages, SplitEarlyWhereCodesWouldBeTooCoarse) {
    for (const float radius : {0.005F, 1.0F}) {
        VannTree tree(make_parameters(128));
        std::mt19937_64 random(61);
        std::vector<Floats> centres(4);
        std::generate(centres.begin(), centres.end(), [&] { return normal(128, random); });
        for (std::uint64_t row = 0; row < 200; ++row) {
            Floats vector = normal(128, random, radius);
            for (std::size_t i = 0; i < vector.size(); ++i)
                vector[i] += centres[row % 4][i];
            tree.insert(row, vector);
        }
        EXPECT_EQ(tree.rows(), first_rows(200));
        if (radius == 1)
            EXPECT_EQ(tree.leaves, 1U);
        else
            EXPECT_EQ(clusters_in_leaves(tree, 4), std::set<std::size_t>{1});
        EXPECT_LE(tree.leaves, 5U);
        EXPECT_EQ(tree.violations(), nothing_wrong);
    }
}

TEST(VannPages, TakeVectorsOfAnySize) {
    VannTree tree(make_parameters(24));
    std::mt19937_64 random(51);
    std::uint64_t row = 0;
    for (const float size : {0.0F, 1e-42F, 1e-30F, 1e-10F, 1.0F, 1e10F, 1e20F, 3e37F})
        for (int i = 0; i < 150; ++i)
            tree.insert(row++, normal(24, random, size));
    EXPECT_EQ(tree.rows(), first_rows(row));
    EXPECT_EQ(tree.violations(), nothing_wrong);
}

} // namespace
} // namespace soup::vann::test
