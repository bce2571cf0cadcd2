// Scans while other threads insert, split, delete and unlink: rows that are there all the time are found
// exactly once by every scan, rows that come or go at most once.
//
// The store's locks are real and its pages are reused as the server's are, so a thread that holds a link
// across a split or a deletion is a backend that does. Seeds are fixed; the interleaving is the machine's.
#include "tests/unit/vtree_fixture.hpp"

#include <optional>
#include <set>
#include <thread>

namespace soup::vtree::test {
namespace {

using Transaction = soup::test::MemoryStore::Transaction;

constexpr std::uint64_t lasting = 6000;        ///< Rows numbered below are never deleted.
constexpr std::uint64_t number_base = 100'000; ///< Each writer's rows start at a multiple of this.

class Race {
public:
    explicit Race(Shape shape) : shape_(shape), geometry_(2) {
        tree::Meta meta{};
        meta.dimensions = 2;
        tree::create(store_, meta);
        Random random(1);
        for (std::uint64_t i = 0; i < lasting; ++i)
            insert(i, make_point(shape, 2, random));
    }

    void run() {
        std::vector<std::thread> threads;
        for (unsigned writer = 1; writer <= 3; ++writer)
            threads.emplace_back([this, writer] { write(writer); });
        threads.emplace_back([this] { vacuum(); });
        threads.emplace_back([this] { scan_regions(); });
        threads.emplace_back([this] { scan_nearest(); });
        for (unsigned writer = 0; writer < 3; ++writer)
            threads[writer].join();
        done_ = true;
        for (unsigned other = 3; other < threads.size(); ++other)
            threads[other].join();
        int violations = 0;
        tree::verify(store_, geometry_, tree::Unlinked::reported, [&](const tree::Violation& found) {
            ++violations;
            ADD_FAILURE() << "block " << found.block << ": " << found.kind << ", " << found.detail;
        });
        EXPECT_EQ(violations, 0);
    }
    int scans() const { return scans_; }

private:
    void insert(std::uint64_t number, const std::vector<float>& point) {
        Transaction transaction(store_);
        tree::insert(store_, geometry_, {point, tree::as_address(number << 16 | 1), {}});
    }

    void write(unsigned writer) {
        Random random(writer);
        for (std::uint64_t i = 0; i < 8000; ++i)
            insert(writer * number_base + i, make_point(shape_, 2, random));
    }

    /// Deletes rows of the writers, so that whole leaves become empty, are freed and used again.
    void vacuum() {
        for (std::uint64_t round = 0; !done_; ++round) {
            Transaction transaction(store_);
            tree::VacuumResult result = tree::bulk_delete(store_, geometry_, [&](HeapAddress row) {
                const std::uint64_t number = tree::as_number(row) >> 16;
                return number >= lasting && (round % 3 == 0 || number % 3 == round % 3);
            });
            tree::clean_up(store_, geometry_, result);
        }
    }

    void check(const std::vector<std::uint64_t>& numbers, std::size_t lasting_expected) {
        const std::set<std::uint64_t> once(numbers.begin(), numbers.end());
        // The same number does not come back: writers never reuse one.
        EXPECT_EQ(once.size(), numbers.size()) << "rows came twice";
        EXPECT_EQ(std::count_if(once.begin(), once.end(), [](auto number) { return number < lasting; }),
                  static_cast<std::ptrdiff_t>(lasting_expected))
            << "rows were missed";
        ++scans_;
    }

    void scan_regions() {
        do {
            Transaction transaction(store_);
            RegionScan scan(store_, geometry_.layout(), Region(2), RegionScan::Want::rows);
            std::vector<std::uint64_t> numbers;
            Hits hits;
            while (scan.next(hits))
                for (const HeapAddress row : hits.rows)
                    numbers.push_back(tree::as_number(row) >> 16);
            hits.clear();
            check(numbers, lasting);
        } while (!done_);
    }

    void scan_nearest() {
        Random random(9);
        do {
            Transaction transaction(store_);
            const auto pinning =
                random() % 2 == 0 ? NearestScan::Pinning::none : NearestScan::Pinning::each_result;
            NearestScan scan(store_, geometry_.layout(), make_point(shape_, 2, random), Region(2), pinning);
            std::vector<std::uint64_t> numbers;
            double before = 0;
            NearestScan::Found found;
            while (scan.next(found)) {
                numbers.push_back(tree::as_number(found.row) >> 16);
                // A row that came since its parent was read may lie nearer; no snapshot of ours would see it.
                if (numbers.back() >= lasting) continue;
                EXPECT_GE(found.distance, before);
                before = found.distance;
            }
            check(numbers, lasting);
        } while (!done_);
    }

    Shape shape_;
    soup::test::MemoryStore store_;
    BoxGeometry geometry_;
    std::atomic<bool> done_ = false;
    std::atomic<int> scans_ = 0;
};

class VtreeRaces : public testing::TestWithParam<Shape> {};

TEST_P(VtreeRaces, nothing_is_missed_and_nothing_repeated) {
    Race race(GetParam());
    race.run();
    EXPECT_GE(race.scans(), 2);
}

INSTANTIATE_TEST_SUITE_P(shapes, VtreeRaces, testing::Values(Shape::uniform, Shape::clustered, Shape::equal));

/// The deterministic form: at every page boundary of a scan, other work is done.
TEST(vtree, work_between_any_two_pages_of_a_scan_does_not_change_its_answer) {
    Random random(5);
    Tree tree(2);
    for (int i = 0; i < 4000; ++i)
        tree.insert(make_point(Shape::clustered, 2, random));
    const std::vector<std::uint64_t> lasting_rows = tree.expected(nullptr, nullptr);
    std::uint64_t next = 1'000'000;
    tree.store.between_pages([&] {
        for (int i = 0; i < 400; ++i)
            tree::insert(tree.store, tree.geometry,
                         {make_point(Shape::clustered, 2, random), tree::as_address(next++ << 16 | 1), {}});
    });
    for (const bool is_nearest : {false, true}) {
        std::vector<std::uint64_t> seen;
        const auto take = [&](HeapAddress row) {
            if (tree::as_number(row) >> 16 < 1'000'000) seen.push_back(tree::as_number(row));
        };
        if (is_nearest) {
            NearestScan scan(tree.store, tree.geometry.layout(), {0, 0}, Region(2),
                             NearestScan::Pinning::each_result);
            NearestScan::Found found;
            while (scan.next(found))
                take(found.row);
        } else {
            RegionScan scan(tree.store, tree.geometry.layout(), Region(2), RegionScan::Want::rows);
            Hits hits;
            while (scan.next(hits))
                std::for_each(hits.rows.begin(), hits.rows.end(), take);
        }
        std::sort(seen.begin(), seen.end());
        EXPECT_EQ(seen, lasting_rows);
    }
}

/// A tree of 400 points, and a scan of it that pins its results and has let go of the first one.
struct Paused {
    explicit Paused(std::uint64_t seed) : random(seed) {
        insert(400);
        scan.emplace(tree.store, tree.geometry.layout(), std::vector<float>{0, 0, 0}, Region(3),
                     NearestScan::Pinning::each_result);
        EXPECT_TRUE(scan->next(found));
        scan->unpin();
    }
    void insert(int count) {
        for (int i = 0; i < count; ++i)
            tree.insert(make_point(Shape::uniform, 3, random));
    }
    Random random;
    Tree tree{3};
    std::optional<NearestScan> scan;
    NearestScan::Found found;
};

/// The root was a leaf when it was read, and was split before its rows were asked for again.
TEST(vtree, a_pinned_result_is_found_after_the_root_was_split) {
    Paused paused(6);
    paused.insert(2000);
    int count = 1;
    while (paused.scan->next(paused.found))
        ++count;
    EXPECT_EQ(count, 400);
}

TEST(vtree, a_pinned_result_that_vacuum_removed_is_left_out) {
    Paused paused(7);
    const std::uint64_t first = tree::as_number(paused.found.row);
    paused.tree.vacuum([&](std::uint64_t row) { return row != first && row % 2 == 0; });
    std::size_t count = paused.tree.rows.size();
    while (paused.scan->next(paused.found)) {
        EXPECT_EQ(tree::as_number(paused.found.row) % 2, 1U);
        --count;
    }
    EXPECT_EQ(count, 1U) << "all but the first, which came before";
}

} // namespace
} // namespace soup::vtree::test
