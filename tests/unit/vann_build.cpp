// Bulk builds of every size and shape hold every row once, with its keys, and pass verify; they can be
// searched, inserted into and vacuumed like any index.
#include "tests/unit/vann_search_fixture.hpp"

namespace soup::vann::test {
namespace {

class Build : public testing::TestWithParam<unsigned> {};

TEST_P(Build, HoldsEveryRowOnce) {
    const unsigned dimensions = GetParam();
    const std::size_t capacity = Layout(dimensions, Metric::l2, 3).leaf.capacity;
    const std::size_t many = dimensions < 2000 ? 12 * capacity + 5 : 3 * capacity;
    for (const std::size_t count :
         {std::size_t{0}, std::size_t{1}, std::size_t{2}, capacity, capacity + 1, many}) {
        BuiltTree tree(make_parameters(dimensions, Metric::l2, 3));
        tree.build(Clustered(dimensions, 10, count).next(count));
        EXPECT_EQ(tree.rows(), first_rows(count));
        EXPECT_EQ(tree.violations(), nothing_wrong);
        // A single row, left out of its own answer, has nothing to find.
        EXPECT_EQ(tree.calibration().rows, count < 2 ? 0 : count);
    }
}
INSTANTIATE_TEST_SUITE_P(EveryDimension, Build, testing::ValuesIn(every_dimension));

TEST(VannBuild, SharesEntriesAmongEqualRows) {
    std::vector<Floats> vectors(200'000, Floats(16, 0.5F));
    for (std::size_t i = 0; i < 100; ++i)
        vectors[i * 1999] = Floats(16, static_cast<float>(i));
    BuiltTree tree(make_parameters(16));
    tree.build(vectors);
    EXPECT_EQ(tree.rows(), first_rows(200'000));
    EXPECT_EQ(tree.violations(), nothing_wrong);
    EXPECT_LT(tree.store.block_count(), 200'000 / tree.layout.chain.capacity + 30);
}

TEST(VannBuild, GoesOnWhereMemoryEnds) {
    Clustered source(64, 40, 8);
    const auto vectors = source.next(15'000);
    const Asked asked(vectors, source.next(50));
    for (const std::size_t memory : {std::size_t{0}, std::size_t{200'000}, std::size_t{2'000'000}}) {
        BuiltTree tree(make_parameters(64));
        BuildOptions options = tree.options(vectors.size());
        options.memory_bytes = memory;
        tree.build(vectors, options, vectors.size());
        EXPECT_EQ(tree.rows(), first_rows(15'000));
        EXPECT_EQ(tree.violations(), nothing_wrong);
        EXPECT_GT(asked.recall(tree, settings_for(tree.calibration(), 0.95)), 0.9) << memory;
    }
}

TEST(VannBuild, BearsAWrongGuessAndAMissingSample) {
    const auto vectors = Clustered(32, 40, 9).next(6000);
    for (const std::size_t guess : {0, 100, 6000, 500'000})
        for (const std::size_t sampled : {0, 1, 500, 6000}) {
            BuiltTree tree(make_parameters(32));
            tree.build(vectors, tree.options(guess), sampled);
            EXPECT_EQ(tree.rows(), first_rows(6000));
            EXPECT_EQ(tree.violations(), nothing_wrong);
            // A guess that is far too high must not end in leaves that are nearly empty.
            EXPECT_LT(tree.leaves, 4 * (6000 / tree.layout.leaf.capacity + 1)) << guess << " " << sampled;
        }
}

TEST(VannBuild, LeavesOutWhatHasNoDirection) {
    auto vectors = Clustered(24, 5, 10).next(3000);
    for (std::size_t row = 0; row < 3000; row += 3)
        vectors[row].assign(24, 0);
    BuiltTree tree(make_parameters(24, Metric::cosine));
    tree.build(vectors);
    EXPECT_EQ(tree.taken, 2000U);
    std::vector<std::uint64_t> expected;
    for (std::uint64_t row = 0; row < 3000; ++row)
        if (row % 3 != 0) expected.push_back(row);
    EXPECT_EQ(tree.rows(), expected);
    EXPECT_EQ(tree.violations(), nothing_wrong);
}

TEST(VannBuild, GoesOnByInsertsAndVacuum) {
    Clustered source(40, 20, 11);
    BuiltTree tree(make_parameters(40, Metric::inner_product, 4));
    tree.build(source.next(4000));
    for (std::uint64_t row = 4000; row < 8000; ++row)
        tree.insert(row, source.next());
    EXPECT_EQ(tree.rows(), first_rows(8000));
    tree.vacuum([](std::uint64_t row) { return row < 6000; });
    for (std::uint64_t row = 0; row < 6000; ++row)
        tree.insert(row, source.next());
    EXPECT_EQ(tree.rows(), first_rows(8000));
    EXPECT_EQ(tree.violations(), nothing_wrong);
}

/// All pages, one after another.
std::vector<std::byte> pages_of(VannTree& tree) {
    std::vector<std::byte> pages;
    for (tree::Block block = 0; block < tree.store.block_count(); ++block) {
        const tree::Page page = tree.store.lock(block, tree::Lock::shared);
        pages.insert(pages.end(), page.bytes(), page.bytes() + tree::page_bytes);
    }
    return pages;
}

TEST(VannBuild, IsTheSameByAnyNumberOfThreads) {
    auto vectors = Clustered(48, 60, 14).next(40'000);
    for (std::size_t row = 0; row < 40'000; row += 9)
        vectors[row] = vectors[row / 3000]; // Chains, too.
    const auto built_with = [&](unsigned trainers) {
        BuiltTree tree(make_parameters(48));
        BuildOptions options = tree.options(vectors.size());
        options.trainers = trainers;
        tree.build(vectors, options, vectors.size(), BuiltTree::Recall::unknown);
        return pages_of(tree);
    };
    const auto alone = built_with(0);
    EXPECT_GT(alone.size(), 400 * tree::page_bytes);
    EXPECT_TRUE(built_with(1) == alone);
    EXPECT_TRUE(built_with(3) == alone);
}

TEST(VannBuild, EndsWhereverItIsInterrupted) {
    const auto vectors = Clustered(48, 60, 15).next(4000);
    for (const unsigned trainers : {0U, 2U}) {
        int limit = 0, calls = 0;
        const auto is_interrupted = [&] {
            BuiltTree tree(make_parameters(48));
            BuildOptions options = tree.options(vectors.size());
            options.trainers = trainers;
            calls = 0;
            tree.store.between_pages([&] {
                if (++calls == limit) throw std::runtime_error("cancelled");
            });
            try {
                tree.build(vectors, options, vectors.size());
            } catch (const std::runtime_error&) {
                return true;
            }
            return false;
        };
        for (limit = 1; is_interrupted();)
            limit += 1 + limit / 2;
        EXPECT_GT(calls, 100);
    }
}

} // namespace
} // namespace soup::vann::test
