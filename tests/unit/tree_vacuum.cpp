// Removal: addresses go, empty leaves go, their pages come back, and a crash at any change leaves a sound
// tree.
#include "tests/unit/tree_fixture.hpp"

#include <algorithm>
#include <set>

namespace soup::test {
namespace {

TEST(TreeVacuum, RemovesWhatIsDeadAndNothingElse) {
    IntervalTree tree;
    for (std::uint64_t id = 1; id <= 2000; ++id)
        tree.insert(id, scattered(id));
    const tree::VacuumResult result = tree.vacuum([](std::uint64_t id) { return id % 3 == 0; });
    EXPECT_EQ(result.dead, 666U);
    EXPECT_EQ(result.live, 1334U);
    const std::vector<std::uint64_t> found = tree.scan();
    EXPECT_EQ(found.size(), 1334U);
    EXPECT_TRUE(std::all_of(found.begin(), found.end(), [](std::uint64_t id) { return id % 3 != 0; }));
    EXPECT_EQ(tree.violations(), std::vector<std::string>{});
}

TEST(TreeVacuum, GivesBackEmptyLeavesAndTheFileStopsGrowing) {
    IntervalTree tree;
    for (std::uint64_t id = 1; id <= 2000; ++id)
        tree.insert(id, scattered(id));
    const tree::Block full = tree.store.block_count();
    for (std::uint64_t round = 1; round <= 5; ++round) {
        const tree::VacuumResult result = tree.vacuum([](std::uint64_t) { return true; });
        EXPECT_EQ(result.live, 0U);
        EXPECT_GT(result.freed_now, full / 4);
        EXPECT_TRUE(tree.scan().empty());
        EXPECT_EQ(tree.violations(), std::vector<std::string>{});
        for (std::uint64_t id = 1; id <= 2000; ++id)
            tree.insert(id, scattered(id));
        EXPECT_LE(tree.store.block_count(), full * 5 / 4) << "round " << round;
    }
}

TEST(TreeVacuum, AFreedPageIsNotReusedWhileAScanMayComeBy) {
    IntervalTree tree;
    for (std::uint64_t id = 1; id <= 500; ++id)
        tree.insert(id, scattered(id));
    const auto freed_pages = [&] {
        std::set<tree::Block> freed;
        for (tree::Block block = 1; block < tree.store.block_count(); ++block)
            if (tree::tail(tree.store.raw(block)).kind == tree::PageKind::freed &&
                tree::tail(tree.store.raw(block)).number != 0) // Companions need not wait.
                freed.insert(block);
        return freed;
    };
    const std::set<tree::Block> before = freed_pages();
    MemoryStore::Transaction scan(tree.store);
    tree.vacuum([](std::uint64_t) { return true; });
    std::set<tree::Block> freed = freed_pages();
    for (const tree::Block block : before)
        freed.erase(block);
    ASSERT_FALSE(freed.empty());
    for (std::uint64_t id = 1; id <= 500; ++id)
        tree.insert(id, scattered(id));
    for (const tree::Block block : freed)
        EXPECT_EQ(tree::tail(tree.store.raw(block)).kind, tree::PageKind::freed) << block;
}

// Splits move what is dead to blocks that the pass has left behind.
TEST(TreeVacuum, FollowsWhatASplitMovesToLowerBlocks) {
    IntervalTree tree;
    for (std::uint64_t id = 1; id <= 2000; ++id)
        tree.insert(id, scattered(id));
    tree.vacuum([](std::uint64_t id) { return scattered(id) < 50000; });
    std::uint64_t next = 2001;
    tree.store.between_pages([&] {
        for (int i = 0; i < 20 && next <= 6000; ++next)
            if (scattered(next) >= 50000) tree.insert(next, scattered(next)), ++i;
    });
    tree.vacuum([](std::uint64_t id) { return id <= 2000; });
    tree.store.between_pages(nullptr);
    const std::vector<std::uint64_t> found = tree.scan();
    EXPECT_TRUE(std::all_of(found.begin(), found.end(), [](std::uint64_t id) { return id > 2000; }));
    EXPECT_GT(found.size(), 1000U);
    EXPECT_EQ(tree.violations(), std::vector<std::string>{});
}

// Crashes at the first change, then at the second, and so on, until the whole scenario passes: inserts, and a
// vacuum in the middle that removes every second item.
TEST(TreeVacuum, EveryStateBetweenTwoChangesIsUsable) {
    constexpr std::uint64_t count = 260;
    bool passed = false;
    for (std::uint64_t changes = 0; !passed; ++changes) {
        IntervalTree tree;
        std::set<std::uint64_t> stored, removed;
        tree.store.crash_after(changes);
        try {
            for (std::uint64_t id = 1; id <= count; ++id) {
                if (id == count * 3 / 4) {
                    for (std::uint64_t old = 2; old < id; old += 2)
                        removed.insert(old);
                    tree.vacuum([](std::uint64_t old) { return old % 2 == 0; });
                }
                tree.insert(id, scattered(id));
                stored.insert(id);
            }
            passed = true;
        } catch (const Crash&) { // crashed, as asked
        }
        tree.store.no_crash();
        ASSERT_EQ(tree.violations(tree::Unlinked::allowed), std::vector<std::string>{}) << changes;

        const std::vector<std::uint64_t> found = tree.scan();
        const std::set<std::uint64_t> distinct(found.begin(), found.end());
        ASSERT_EQ(found.size(), distinct.size()) << changes;
        for (const std::uint64_t id : stored)
            ASSERT_TRUE(removed.contains(id) || distinct.contains(id)) << "lost " << id << " at " << changes;

        // One vacuum later nothing is left of the crash, and the tree takes new items.
        tree.vacuum([](std::uint64_t) { return false; });
        ASSERT_EQ(tree.violations(tree::Unlinked::reported), std::vector<std::string>{}) << changes;
        tree.insert(count + 1, 5);
        ASSERT_EQ(tree.scan().size(), found.size() + 1) << changes;
    }
}

} // namespace
} // namespace soup::test
