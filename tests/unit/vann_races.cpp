// Inserts, vacuum and scans at the same time: real locks in memory, as backends would take them. A scan that
// runs meanwhile finds every row that was there before it began and stays, and no row twice.
#include "core/vann/calibration.hpp"
#include "core/vann/search.hpp"
#include "tests/unit/vann_fixture.hpp"

#include <atomic>
#include <set>
#include <thread>

namespace soup::vann::test {
namespace {

/// Rows below `kept` stay; rows of `churned_from` on come and go.
TEST(VannRaces, ScansMissNothingAndRepeatNothing) {
    for (const unsigned dimensions : {6U, 200U}) {
        SCOPED_TRACE(dimensions);
        VannTree tree(make_parameters(dimensions, Metric::l2, 3));
        std::mt19937_64 random(dimensions);
        const Floats again = normal(dimensions, random);
        constexpr std::uint64_t kept = 600, churned_from = 100'000;
        for (std::uint64_t row = 0; row < kept; ++row)
            tree.insert(row, row % 3 == 0 ? again : normal(dimensions, random));

        std::atomic<bool> is_done = false;
        std::atomic<std::uint64_t> dead_before = churned_from;
        std::vector<std::thread> threads;
        threads.reserve(3);
        for (std::uint64_t writer = 0; writer < 2; ++writer)
            threads.emplace_back([&, writer] {
                std::mt19937_64 own(writer);
                for (std::uint64_t i = 0; i < 4000; ++i)
                    tree.insert(churned_from + 2 * i + writer, i % 4 == 0 ? again : normal(dimensions, own));
                dead_before = churned_from + 8000;
            });
        threads.emplace_back([&] {
            while (!is_done) {
                // What a snapshot of now would call dead: everything that came before and was to go.
                const std::uint64_t border = dead_before;
                tree.vacuum([&](std::uint64_t row) { return row >= churned_from && row < border; });
                dead_before = border + 500;
            }
        });
        unsigned scans = 0;
        for (; scans < 20 || dead_before < churned_from + 4000; ++scans) {
            const auto rows = tree.rows();
            ASSERT_TRUE(std::adjacent_find(rows.begin(), rows.end()) == rows.end())
                << "a row was found twice";
            const auto end = std::lower_bound(rows.begin(), rows.end(), churned_from);
            ASSERT_EQ(std::distance(rows.begin(), end), static_cast<std::ptrdiff_t>(kept));
        }
        threads[0].join();
        threads[1].join();
        is_done = true;
        threads[2].join();
        EXPECT_EQ(tree.violations(), nothing_wrong);
        tree.vacuum([](std::uint64_t row) { return row >= churned_from; });
        EXPECT_EQ(tree.rows().size(), kept);
        EXPECT_EQ(tree.violations(), nothing_wrong);
    }
}

/// A tree whose root is its one leaf, until `split_before` that page of an operation: then it is an inner
/// page.
struct SmallTree : VannTree {
    SmallTree() : VannTree(make_parameters(6)) {
        for (; next < 100; ++next)
            insert(next, normal(6, random));
    }
    unsigned root_level() { return tree::tail(store.raw(tree::root_block)).level; }
    void split_before(int page) {
        store.between_pages([this, page, pages = 0]() mutable {
            if (++pages != page) return;
            while (root_level() == 0)
                insert(next++, normal(6, random));
        });
    }

    std::mt19937_64 random{1};
    std::uint64_t next = 0;
};
constexpr int pages_before_split = 12;

TEST(VannRootSplit, ASearchGoesOnBelow) {
    for (const bool by_reach : {false, true})
        for (int page = 1; page <= pages_before_split; ++page) {
            SCOPED_TRACE(page);
            SmallTree tree;
            Query query(tree.layout);
            const Floats point = tree.point(normal(6, tree.random));
            query.prepare(point.data());
            tree.split_before(page);
            const soup::test::MemoryStore::Transaction transaction(tree.store);
            Search search(tree.store, tree.geometry);
            SearchSettings settings;
            if (by_reach) settings.reach = 0.1F;
            search.start(query, settings);
            std::set<std::uint64_t> rows;
            while (const auto found = search.next())
                EXPECT_TRUE(rows.insert(VannTree::row(found->address)).second) << "found twice";
            for (std::uint64_t row = 0; row < 100; ++row)
                EXPECT_TRUE(rows.contains(row)) << row;
        }
}

TEST(VannRootSplit, ACalibrationTakesWhatThereIs) {
    for (int page = 1; page <= pages_before_split; ++page) {
        SCOPED_TRACE(page);
        SmallTree tree;
        tree.split_before(page);
        const auto drawn = draw_queries(tree.store, tree.geometry, 10, 1);
        const Calibration calibration = calibrate(tree.store, tree.geometry, drawn, {}, 100);
        for (const Setting& setting : calibration.settings)
            EXPECT_GE(setting.measured_recall, 0);
        EXPECT_EQ(tree.violations(), nothing_wrong);
    }
}

} // namespace
} // namespace soup::vann::test
