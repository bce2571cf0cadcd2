// Inserting, splitting and scanning in one thread: nothing is lost, repeated or out of bounds.
#include "tests/unit/tree_fixture.hpp"

#include <algorithm>
#include <numeric>

namespace soup::test {
namespace {

std::vector<std::uint64_t> numbers(std::uint64_t from, std::uint64_t to) {
    std::vector<std::uint64_t> all(to - from);
    std::iota(all.begin(), all.end(), from);
    return all;
}

std::vector<std::uint64_t> sorted(std::vector<std::uint64_t> all) {
    std::sort(all.begin(), all.end());
    return all;
}

TEST(TreeInsert, AnEmptyTreeIsSound) {
    IntervalTree tree;
    EXPECT_TRUE(tree.scan().empty());
    EXPECT_TRUE(tree.violations().empty());
}

TEST(TreeInsert, KeepsEveryItemOnce) {
    for (const std::uint64_t count : {1U, 8U, 9U, 100U, 3000U}) {
        IntervalTree tree;
        for (std::uint64_t id = 1; id <= count; ++id)
            tree.insert(id, scattered(id));
        EXPECT_EQ(sorted(tree.scan()), numbers(1, count + 1)) << count;
        EXPECT_EQ(tree.violations(), std::vector<std::string>{}) << count;
    }
}

TEST(TreeInsert, TakesEqualAndOrderedPoints) {
    for (const float step : {0.0F, 1.0F, -1.0F}) {
        IntervalTree tree;
        for (std::uint64_t id = 1; id <= 1000; ++id)
            tree.insert(id, static_cast<float>(id) * step);
        EXPECT_EQ(sorted(tree.scan()), numbers(1, 1001)) << step;
        EXPECT_EQ(tree.violations(), std::vector<std::string>{}) << step;
    }
}

TEST(TreeInsert, ReusesTheCompanionsThatSplitsFreeEvenWhileAScanIsOld) {
    IntervalTree tree;
    const MemoryStore::Transaction scan(tree.store);
    for (std::uint64_t id = 1; id <= 3000; ++id)
        tree.insert(id, scattered(id));
    // Leaves are at least half full, each with one companion; without reuse there were one more for every
    // split.
    EXPECT_LT(tree.store.block_count(), 3000 / (IntervalGeometry::leaf_max / 2) * 2 * 5 / 4);
}

TEST(TreeInsert, AScanSeesAnItemOnceWhilePagesSplitUnderIt) {
    IntervalTree tree;
    for (std::uint64_t id = 1; id <= 500; ++id)
        tree.insert(id, scattered(id));
    std::uint64_t next = 501;
    const std::vector<std::uint64_t> found = sorted(tree.scan([&] {
        for (int i = 0; i < 5 && next <= 5000; ++i, ++next)
            tree.insert(next, scattered(next));
    }));
    EXPECT_GT(next, 1000U);
    EXPECT_EQ(std::adjacent_find(found.begin(), found.end()), found.end());
    const std::vector<std::uint64_t> old = numbers(1, 501);
    EXPECT_TRUE(std::includes(found.begin(), found.end(), old.begin(), old.end()));
}

// The bound that grew for an item belongs to the child before its split: the item must not go into the child
// after it.
TEST(TreeInsert, StartsAnewWhenTheChildWasSplitOnTheWay) {
    IntervalTree tree;
    std::uint64_t next = 1;
    tree.store.between_pages([&] {
        for (int i = 0; i < 10 && next <= 4000; ++i, ++next)
            tree.insert(next, scattered(next));
    });
    for (std::uint64_t id = 10001; id <= 10500; ++id)
        tree.insert(id, scattered(id));
    tree.store.between_pages(nullptr);
    std::vector<std::uint64_t> expected = numbers(1, next), late = numbers(10001, 10501);
    expected.insert(expected.end(), late.begin(), late.end());
    EXPECT_EQ(sorted(tree.scan()), expected);
    EXPECT_EQ(tree.violations(), std::vector<std::string>{});
}

TEST(TreeInsert, RefusesAPageThatIsNoneOfOurs) {
    IntervalTree tree;
    for (std::uint64_t id = 1; id <= 200; ++id)
        tree.insert(id, scattered(id));
    std::memset(tree.store.raw(tree::root_block), 0x5a, tree::page_bytes);
    try {
        tree.insert(201, 0);
        FAIL() << "inserted below a damaged root";
    } catch (const Error& error) {
        EXPECT_STREQ(error.sqlstate(), "XX002");
    }
    EXPECT_FALSE(tree.violations().empty());
}

TEST(TreeInsert, VerifyFindsWhatLinksCannotBe) {
    const auto damaged = [](auto&& damage) {
        IntervalTree tree;
        for (std::uint64_t id = 1; id <= 200; ++id)
            tree.insert(id, scattered(id));
        damage(tree);
        return !tree.violations().empty();
    };
    const auto root = [](IntervalTree& tree) {
        return reinterpret_cast<IntervalGeometry::Inner*>(tree::body(tree.store.raw(tree::root_block)));
    };
    EXPECT_FALSE(damaged([](IntervalTree&) {}));
    EXPECT_TRUE(damaged([&](IntervalTree& t) { root(t)->children[0].block = 100000; }));
    EXPECT_TRUE(damaged([&](IntervalTree& t) { root(t)->children[0].block = root(t)->children[1].block; }));
    EXPECT_TRUE(damaged([&](IntervalTree& t) { root(t)->children[0].low += 20000; }));
    EXPECT_TRUE(damaged([&](IntervalTree& t) { root(t)->count -= 1; }));
    EXPECT_TRUE(damaged([&](IntervalTree& t) { tree::tail(t.store.raw(tree::root_block)).level += 1; }));
    EXPECT_TRUE(damaged([&](IntervalTree& t) {
        tree::tail(t.store.raw(root(t)->children[0].block)).split_number = 1U << 30;
    }));
}

} // namespace
} // namespace soup::test
