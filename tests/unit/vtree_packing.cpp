// A tree of points that went through a sorter has all of them, whoever put them there: the packer, Assigners
// of other processes, or both; and however wrong it was to expect many.
#include "tests/unit/vtree_fixture.hpp"

namespace soup::vtree::test {
namespace {

using Points = std::vector<std::vector<float>>;
const auto go_on = [] {};

/// A sorter that gets others' rows when it is told to sort. `piece` becomes the most rows that are taken from
/// it before more pages are written.
class JoinedSorter final : public tree::Sorter {
public:
    JoinedSorter(std::function<void(tree::Sorter&)> others, tree::PageStore& store, std::size_t& piece)
        : others_(std::move(others)), store_(store), piece_(piece) {}
    void put(std::uint64_t key, std::span<const std::byte> row) override { all_.put(key, row); }
    void sort() override {
        others_(all_);
        all_.sort();
    }
    bool next(std::uint64_t& key, std::span<const std::byte>& row) override {
        if (const tree::Block now = store_.block_count(); std::exchange(blocks_, now) != now) taken_ = 0;
        piece_ = std::max(piece_, ++taken_);
        return all_.next(key, row);
    }

private:
    soup::test::MemorySorter all_;
    std::function<void(tree::Sorter&)> others_;
    tree::PageStore& store_;
    tree::Block blocks_ = 0;
    std::size_t taken_ = 0;
    std::size_t& piece_;
};

/// Packs the points into the tree; every `own`th of them is added here, the others by two Assigners that know
/// the cells as bytes. 0: none here. A `sample` is divided first. Returns how many points were read back at
/// a time, at the most.
std::size_t pack_together(Tree& tree, const Points& sample, const Points& points, std::size_t own,
                          std::size_t memory_bytes = 0) {
    const unsigned dimensions = tree.dimensions();
    for (std::size_t i = 0; i < points.size(); ++i)
        tree.rows[tree::as_number(address(i))] = points[i];
    const auto is_own = [&](std::size_t i) { return own != 0 && i % own == 0; };
    std::vector<std::byte> plan;
    std::size_t piece = 0;
    int sorters = 0;
    Packer packer(tree.store, tree.geometry.layout(), {memory_bytes}, [&](std::size_t) {
        ++sorters;
        const auto others = [&](tree::Sorter& all) {
            const Cells cells = Cells::from_bytes(dimensions, plan);
            Assigner even(dimensions, cells, all), odd(dimensions, cells, all);
            for (std::size_t i = 0; i < points.size(); ++i) {
                if (is_own(i)) continue;
                (i % 2 == 0 ? even : odd).add(points[i].data(), address(i));
                packer.add_elsewhere(1);
            }
        };
        return std::make_unique<JoinedSorter>(others, tree.store, piece);
    });
    for (const auto& point : sample)
        packer.sample(point.data());
    packer.divide_sample();
    plan = packer.cells()->to_bytes();
    EXPECT_EQ(sorters, 0) << "a sorter before there is a crew";
    for (std::size_t i = 0; i < points.size(); ++i)
        if (is_own(i)) packer.add(points[i].data(), address(i));
    packer.finish();
    EXPECT_EQ(sorters, 1);
    return piece;
}

void expect_all_found(Tree& tree, Shape shape, Random& random) {
    tree.expect_sound();
    EXPECT_EQ(tree.found(nullptr, nullptr), tree.expected(nullptr, nullptr));
    for (int round = 0; round < 3; ++round) {
        const BoxOf box = make_box(shape, tree.dimensions(), random);
        EXPECT_EQ(tree.found(&box, nullptr), tree.expected(&box, nullptr));
        tree.expect_nearest(make_point(shape, tree.dimensions(), random), nullptr, nullptr, 20);
    }
}

TEST(VtreeCells, FindsTheSameCellsAfterATripThroughBytes) {
    for (const Shape shape : all_shapes)
        for (const unsigned dimensions : {1U, 3U, 16U}) {
            Random random(dimensions);
            PointSet sample(dimensions);
            for (int i = 0; i < 3000; ++i)
                sample.add(make_point(shape, dimensions, random).data());
            const Cells cells = sample.divide_into_cells(500, go_on);
            EXPECT_EQ(cells.count(), 256U);
            const Cells copy = Cells::from_bytes(dimensions, cells.to_bytes());
            EXPECT_EQ(copy.count(), cells.count());
            std::vector<unsigned> sizes(cells.count());
            for (int i = 0; i < 3000; ++i) {
                const auto point = make_point(shape, dimensions, random);
                ASSERT_EQ(copy.cell_of(point.data()), cells.cell_of(point.data()));
                ++sizes.at(cells.cell_of(point.data()));
            }
            // 12 a cell on average.
            if (shape == Shape::uniform) {
                EXPECT_LT(std::ranges::max(sizes), 60U);
            }
        }
}

TEST(VtreeCells, AreOneWithoutASample) {
    const float point[] = {1, 2};
    for (const Cells& cells :
         {Cells(), PointSet(2).divide_into_cells(500, go_on), Cells::from_bytes(2, Cells().to_bytes())}) {
        EXPECT_EQ(cells.count(), 1U);
        EXPECT_EQ(cells.cell_of(point), 0U);
    }
}

TEST(VtreeCells, RefuseBytesThatAreNotTheirs) {
    Random random(1);
    PointSet sample(3);
    for (int i = 0; i < 100; ++i)
        sample.add(make_point(Shape::uniform, 3, random).data());
    const std::vector<std::byte> bytes = sample.divide_into_cells(16, go_on).to_bytes();
    const auto expect_refused = [](unsigned dimensions, std::span<const std::byte> damaged) {
        try {
            Cells::from_bytes(dimensions, damaged);
            ADD_FAILURE() << damaged.size() << " bytes are taken";
        } catch (const Error& error) {
            EXPECT_STREQ(error.sqlstate(), "XX000");
        }
    };
    EXPECT_EQ(Cells::from_bytes(3, bytes).count(), 16U);
    expect_refused(3, {});
    expect_refused(3, std::span(bytes).first(bytes.size() - 1));
    expect_refused(3, std::span(bytes).first(bytes.size() - bytes.size() / 16)); // A plane less.
    std::vector<std::byte> longer = bytes;
    longer.push_back({});
    expect_refused(3, longer);
    // Some plane cuts the third dimension.
    expect_refused(2, bytes);
}

class VtreePacking : public OfEachShape {};

TEST_P(VtreePacking, HasTheRowsOfAllWhoTakePart) {
    const Points sample = make_points(400, shape, dimensions, random);
    const std::size_t leaf = Layout(dimensions).leaf_capacity();
    for (const std::size_t count :
         {std::size_t{0}, std::size_t{1}, leaf, leaf + 1, std::size_t{999}, std::size_t{9000}})
        for (const std::size_t own : {0, 1, 3}) {
            SCOPED_TRACE(testing::Message() << count << " points, own: " << own);
            Tree tree(dimensions);
            pack_together(tree, sample, make_points(count, shape, dimensions, random), own);
            expect_all_found(tree, shape, random);
            // As small as one that was packed in memory.
            if (count <= leaf) {
                EXPECT_EQ(tree.store.block_count(), 2U);
            }
        }
}

TEST_P(VtreePacking, NeedsNoSampleToBeRight) {
    Tree tree(dimensions);
    pack_together(tree, {}, make_points(3000, shape, dimensions, random), 2);
    expect_all_found(tree, shape, random);
}

INSTANTIATE_TEST_SUITE_P(shapes, VtreePacking,
                         testing::Combine(testing::Values(1U, 3U, 16U), testing::ValuesIn(all_shapes)));

/// A sample that was taken, but seemed to say that all points fit.
TEST(VtreePacker, SortsByItsSampleWhenMoreComeThanItSeemed) {
    Random random(1);
    // Those that come first say nothing of the others: they lie in one corner.
    Points points = make_points(20'000, Shape::uniform, 2, random);
    std::ranges::sort(points, {}, [](const auto& point) { return std::max(point[0], point[1]); });
    Tree tree(2);
    std::map<std::uint64_t, unsigned> cells;
    class Counting final : public tree::Sorter {
    public:
        explicit Counting(std::map<std::uint64_t, unsigned>& cells) : cells_(cells) {}
        void put(std::uint64_t key, std::span<const std::byte> row) override {
            ++cells_[key];
            all_.put(key, row);
        }
        void sort() override { all_.sort(); }
        bool next(std::uint64_t& key, std::span<const std::byte>& row) override {
            return all_.next(key, row);
        }

    private:
        std::map<std::uint64_t, unsigned>& cells_;
        soup::test::MemorySorter all_;
    };
    Packer packer(tree.store, tree.geometry.layout(), {0},
                  [&](std::size_t) { return std::make_unique<Counting>(cells); });
    for (std::size_t i = 0; i < points.size(); i += 20)
        packer.sample(points[i].data());
    EXPECT_EQ(packer.sampled(), 1000U);
    EXPECT_EQ(packer.cells(), nullptr);
    for (std::size_t i = 0; i < points.size(); ++i) {
        packer.add(points[i].data(), address(i));
        tree.rows[tree::as_number(address(i))] = points[i];
    }
    packer.finish();
    EXPECT_GT(cells.size(), 100U);
    for (const auto& [cell, count] : cells)
        EXPECT_LT(count, 1000U) << "cell " << cell;
    expect_all_found(tree, Shape::uniform, random);
}

/// Points are numbered in 32 bits, whatever memory there is.
TEST(VtreePacker, TakesNoMorePointsIntoMemoryThanItCanNumber) {
    EXPECT_EQ(Packer::points_in_memory(1, {0}), 1000U);
    EXPECT_LT(Packer::points_in_memory(16, {std::size_t{64} << 20}), 300'000U);
    EXPECT_LT(Packer::points_in_memory(1, {std::size_t{2} << 40}), std::size_t{1} << 32);
}

/// Whoever builds can be cancelled at any time: what is called between ends it, at once, and often enough.
TEST(VtreePointSet, IsEndedByWhatIsCalledBetween) {
    struct Ended {};
    Random random(4);
    PointSet points(2);
    for (int i = 0; i < 100'000; ++i)
        points.add(make_point(Shape::uniform, 2, random).data());
    const auto expect_ended = [&](unsigned last, const auto& divide) {
        unsigned calls = 0;
        EXPECT_THROW(divide([&] {
                         if (++calls == last) throw Ended{};
                     }),
                     Ended);
        EXPECT_EQ(calls, last);
    };
    // Before a part is handed out: a sample's planes, two passes over all points, and a part's divisions.
    constexpr unsigned planes = 3, passes = 2 * (100'000 / PointSet::between_points + 1), divisions = 7;
    constexpr std::size_t parts = 4 * PointSet::parts_at_a_time;
    unsigned calls = 0, calls_before = 0;
    points.divide(
        parts, [&] { ++calls; },
        [&](auto) {
            if (calls_before == 0) calls_before = calls;
        });
    EXPECT_EQ(calls_before, planes + passes + divisions);
    for (const unsigned last : {1U, planes + 2, planes + passes - 1, planes + passes + 2})
        expect_ended(last, [&](const std::function<void()>& between) {
            points.divide(parts, between, [](auto) { ADD_FAILURE() << "a part is handed out"; });
        });
    for (const unsigned last : {1U, 100U, 255U})
        expect_ended(last,
                     [&](const std::function<void()>& between) { points.divide_into_cells(256, between); });
}

/// Many points are divided in pieces, in memory and when they are read back.
TEST(VtreePacker, MakesGoodLeavesOfManyPoints) {
    constexpr std::size_t enough = std::size_t{64} << 20;
    for (const Shape shape : {Shape::uniform, Shape::clustered, Shape::equal}) {
        Random random(3);
        const Points points = make_points(400'000, shape, 3, random);
        Points sample;
        for (std::size_t i = 0; i < points.size(); i += 40)
            sample.push_back(points[i]);
        Tree in_memory(3), sorted(3);
        in_memory.pack(points, enough);
        const std::size_t piece = pack_together(sorted, sample, points, 2, enough);
        if (shape != Shape::equal) {
            EXPECT_LT(piece, PointSet::parts_at_a_time * Layout(3).leaf_capacity() * 5 / 4) << "the cache";
        }
        for (Tree* tree : {&in_memory, &sorted}) {
            SCOPED_TRACE(testing::Message() << "shape " << static_cast<int>(shape)
                                            << (tree == &sorted ? ", sorted" : ", in memory"));
            tree->expect_sound();
            EXPECT_EQ(tree->found(nullptr, nullptr).size(), points.size());
            EXPECT_LT(tree->store.block_count(), points.size() / 403 * 102 / 100 + 10);
            if (shape != Shape::uniform) continue;
            const std::uint64_t before = tree->store.pins_taken();
            for (int i = 0; i < 1000; ++i) {
                const auto centre = make_point(shape, 3, random);
                const BoxOf box{{centre[0] - 4, centre[1] - 4, centre[2] - 4},
                                {centre[0] + 4, centre[1] + 4, centre[2] + 4}};
                tree->found(&box, nullptr);
            }
            EXPECT_LT(tree->store.pins_taken() - before, 1000U * 5) << "pages for a box of about 26 points";
        }
    }
}

/// Most points lie where the sample had none: the others, a few in each cell, do not get leaves of their own.
TEST(VtreePacker, FillsLeavesThoughTheSampleWasOfOtherPoints) {
    Random random(4);
    const Points sample = make_points(400, Shape::uniform, 3, random);
    Points points = make_points(1000, Shape::uniform, 3, random);
    while (points.size() < 40'000)
        points.push_back({1e6F + static_cast<float>(random() % 1000), 0, 0});
    Tree tree(3);
    pack_together(tree, sample, points, 1);
    expect_all_found(tree, Shape::uniform, random);
    EXPECT_LT(tree.store.block_count(), 40'000U / 448 * 3 / 2);
}

} // namespace
} // namespace soup::vtree::test
