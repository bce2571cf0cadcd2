// A search finds what is near first, and in the end every row exactly once: whatever the settings, with
// chains, filters, and while other threads insert and delete.
#include "tests/unit/vann_search_fixture.hpp"

#include <array>
#include <thread>

namespace soup::vann::test {
namespace {

constexpr std::size_t all = SIZE_MAX;

SearchSettings narrow() {
    SearchSettings settings;
    settings.probes = settings.beam = 1;
    settings.rerank = 10;
    return settings;
}

std::vector<std::uint64_t> sorted(std::vector<std::uint64_t> rows) {
    std::ranges::sort(rows);
    return rows;
}

class SearchOf : public testing::TestWithParam<unsigned> {};

TEST_P(SearchOf, ReturnsEveryRowOnce) {
    const unsigned dimensions = GetParam();
    Clustered source(dimensions, 10, dimensions);
    auto vectors = source.next(4000);
    // A chain, a few equals with slots of their own, and equals of both kinds that come by insertion.
    for (std::size_t row = 0; row < 1000; ++row)
        vectors[row * 3] = vectors[row < 990 ? 1 : 4];
    BuiltTree tree(make_parameters(dimensions, Metric::l2, 2));
    tree.build(vectors);
    for (std::uint64_t row = 4000; row < 6000; ++row)
        tree.insert(row, row % 4 == 0 ? vectors[1] : source.next());
    for (const Floats& query : {source.next(), vectors[1], Floats(dimensions, 100)})
        for (SearchSettings settings :
             {narrow(), SearchSettings{}, SearchSettings{.probes = 9999, .beam = 9999}})
            EXPECT_EQ(sorted(tree.nearest(query, settings, all)), first_rows(6000));
    EXPECT_EQ(tree.violations(), nothing_wrong);
}
INSTANTIATE_TEST_SUITE_P(Dimensions, SearchOf, testing::Values(1, 7, 8, 100, 300, 2100));

TEST(VannSearch, OfAnEmptyIndexReturnsNothing) {
    BuiltTree tree(make_parameters(20));
    EXPECT_TRUE(tree.nearest(Floats(20, 1), {}, all).empty());
    tree.build({});
    EXPECT_TRUE(tree.nearest(Floats(20, 1), {}, all).empty());
}

TEST(VannSearch, FindsTheNearest) {
    struct Shape {
        unsigned dimensions;
        Metric metric;
    };
    for (const auto& [dimensions, metric] :
         {Shape{4, Metric::l2}, Shape{64, Metric::l2}, Shape{300, Metric::cosine}}) {
        Clustered source(dimensions, 60, 21);
        auto vectors = source.next(12'000);
        auto queries = source.next(100);
        if (metric == Metric::cosine) // Then the nearest by angle are the nearest by distance.
            for (auto* set : {&vectors, &queries})
                for (Floats& vector : *set) {
                    const double norm = std::sqrt(squared_distance(vector, Floats(dimensions)));
                    for (float& x : vector)
                        x = static_cast<float>(x / norm);
                }
        BuiltTree tree(make_parameters(dimensions, metric));
        tree.build(vectors);
        SearchSettings settings;
        settings.probes = 24;
        settings.beam = 8;
        settings.rerank = 60;
        EXPECT_GT(Asked(vectors, queries).recall(tree, settings), 0.95) << dimensions;
    }
}

TEST(VannSearch, FindsTheGreatestInnerProduct) {
    Clustered source(48, 60, 22);
    const auto vectors = source.next(8000);
    BuiltTree tree(make_parameters(48, Metric::inner_product));
    tree.build(vectors);
    SearchSettings settings;
    settings.probes = 40;
    settings.beam = 16;
    settings.rerank = 100;
    unsigned hits = 0;
    for (const Floats& query : source.next(50)) {
        const auto product = [&](const Floats& vector) {
            return std::inner_product(vector.begin(), vector.end(), query.begin(), 0.0);
        };
        std::vector<std::uint64_t> truth = first_rows(8000);
        std::ranges::partial_sort(truth, truth.begin() + 10, std::greater<>(),
                                  [&](auto row) { return product(vectors[row]); });
        truth.resize(10);
        for (const std::uint64_t row : tree.nearest(query, settings, 10))
            hits += std::ranges::count(truth, row) > 0 ? 1 : 0;
    }
    EXPECT_GT(hits, 450U);
}

TEST(VannSearch, ReportsDistancesInOrderWithinABatch) {
    Clustered source(96, 20, 23);
    const auto vectors = source.next(5000);
    BuiltTree tree(make_parameters(96));
    tree.build(vectors);
    const Floats asked = source.next();
    SearchSettings settings;
    settings.rerank = 100;
    Asking asking(tree, asked, settings);
    Search& search = asking.search;
    double before = 0;
    for (std::size_t i = 0; i < rows_at_once; ++i) {
        const auto found = search.next();
        ASSERT_TRUE(found);
        const double reported = asking.query.reported(found->order);
        EXPECT_GE(reported, before);
        before = reported;
        const double exact = std::sqrt(squared_distance(vectors[VannTree::row(found->address)], asked));
        EXPECT_NEAR(reported, exact, 0.02 * exact + 1e-3);
    }
    EXPECT_EQ(search.pages().leaves, settings.probes);
    EXPECT_GT(search.pages().inner, 0U);
    EXPECT_GT(search.pages().details, 0U);
    // The eleventh is looked for in twice as many leaves more.
    ASSERT_TRUE(search.next());
    EXPECT_GT(search.pages().leaves, settings.probes);
}

TEST(VannSearch, FindsAHundredAsWellAsTen) {
    Clustered source(64, 20, 29);
    const auto vectors = source.next(20000);
    BuiltTree tree(make_parameters(64));
    tree.build(vectors);
    SearchSettings settings;
    settings.probes = 8;
    settings.rerank = 32;
    std::size_t hits[2] = {};
    constexpr std::size_t wanted[2] = {10, 100}, queries = 40;
    for (std::size_t q = 0; q < queries; ++q) {
        const Floats asked = source.next();
        for (int i = 0; i < 2; ++i) {
            std::vector<std::uint64_t> truth = first_rows(vectors.size());
            std::ranges::partial_sort(truth, truth.begin() + static_cast<std::ptrdiff_t>(wanted[i]),
                                      std::less<>(),
                                      [&](auto row) { return squared_distance(vectors[row], asked); });
            truth.resize(wanted[i]);
            for (const std::uint64_t row : tree.nearest(asked, settings, wanted[i]))
                hits[i] += std::ranges::count(truth, row) > 0 ? 1 : 0;
        }
    }
    const double ten = static_cast<double>(hits[0]) / (queries * 10),
                 hundred = static_cast<double>(hits[1]) / (queries * 100);
    EXPECT_GT(ten, 0.8);
    EXPECT_GT(hundred, ten - 0.02);
}

/// Rows whose number ends in a given digit of a base, by the keys of the fixture.
class LastDigit final : public KeyFilter {
public:
    explicit LastDigit(unsigned digit, unsigned base = 10) : digit_(digit), base_(base) {}
    unsigned qualify(const std::byte* keys, unsigned width, unsigned count,
                     std::uint16_t* rows) const override {
        unsigned kept = 0;
        for (unsigned i = 0; i < count; ++i) {
            std::uint32_t row = 0;
            std::memcpy(&row, keys + std::size_t{i} * width, sizeof row);
            if (row % base_ == digit_) rows[kept++] = static_cast<std::uint16_t>(i);
        }
        return kept;
    }

private:
    unsigned digit_, base_;
};

TEST(VannSearch, WithAFilterReturnsAllThatQualify) {
    Clustered source(50, 20, 24);
    auto vectors = source.next(5000);
    for (std::size_t row = 0; row < 5000; row += 4)
        vectors[row] = vectors[1]; // In a chain, qualifying or not.
    BuiltTree tree(make_parameters(50, Metric::l2, 5));
    tree.build(vectors);
    const LastDigit filter(6);
    std::vector<std::uint64_t> expected;
    for (std::uint64_t row = 6; row < 5000; row += 10)
        expected.push_back(row);
    for (SearchSettings settings : {narrow(), SearchSettings{}}) {
        settings.filter = &filter;
        EXPECT_EQ(sorted(tree.nearest(source.next(), settings, all)), expected);
    }
}

// Ten that pass a filter lie farther away than ten of all, so stopping at the first ten would be too early.
TEST(VannSearch, WithAFilterFindsTheNearestAsWellAsWithout) {
    Clustered source(50, 20, 31);
    const auto vectors = source.next(20'000);
    BuiltTree tree(make_parameters(50, Metric::l2, 5));
    tree.build(vectors);
    const LastDigit filter(3, 100);
    std::size_t hits[2] = {};
    constexpr std::size_t queries = 40;
    for (std::size_t q = 0; q < queries; ++q) {
        const Floats asked = source.next();
        for (const bool filtered : {false, true}) {
            std::vector<std::uint64_t> truth = first_rows(vectors.size());
            if (filtered) std::erase_if(truth, [](auto row) { return row % 100 != 3; });
            std::ranges::partial_sort(truth, truth.begin() + 10, std::less<>(),
                                      [&](auto row) { return squared_distance(vectors[row], asked); });
            truth.resize(10);
            SearchSettings settings;
            settings.probes = 4;
            settings.rerank = 64;
            if (filtered) settings.filter = &filter;
            for (const std::uint64_t row : tree.nearest(asked, settings, 10))
                hits[filtered ? 1 : 0] += std::ranges::count(truth, row) > 0 ? 1 : 0;
        }
    }
    EXPECT_GT(hits[0], queries * 7);
    EXPECT_GT(hits[1] + queries / 2, hits[0]);
}

// Of the hundreds that pass only those are ranked by their details that ten rows need.
TEST(VannSearch, WithAFilterRanksFew) {
    Clustered source(50, 20, 35);
    BuiltTree tree(make_parameters(50, Metric::l2, 5));
    tree.build(source.next(20'000));
    const LastDigit filter(3, 100);
    SearchSettings settings;
    settings.probes = 4;
    settings.rerank = 16;
    settings.filter = &filter;
    Asking asking(tree, source.next(), settings);
    for (std::size_t i = 0; i < rows_at_once; ++i)
        ASSERT_TRUE(asking.search.next());
    EXPECT_GT(asking.search.pages().leaves, settings.probes);
    EXPECT_LE(asking.search.pages().details, 3 * settings.rerank);
}

// Whoever takes ten rows ranks as many as the settings say, however many entries the first batch brought in.
TEST(VannSearch, RanksItsDepthInAFirstBatchOfAnySize) {
    std::mt19937_64 random(40);
    BuiltTree tree(make_parameters(33));
    std::vector<Floats> vectors(70'000); // More than a search would hold on to.
    for (Floats& vector : vectors)
        vector = normal(33, random);
    tree.build(vectors, tree.options(vectors.size()), 5000, BuiltTree::Recall::unknown);
    Asking asking(tree, vectors[0], {.probes = 9999, .beam = 9999, .rerank = 10});
    for (std::size_t i = 0; i < rows_at_once; ++i)
        ASSERT_TRUE(asking.search.next());
    EXPECT_GT(asking.search.pages().leaves * tree.layout.leaf.capacity, vectors.size());
    EXPECT_LE(asking.search.pages().details, 10U);
}

TEST(VannSearch, EndsAtItsLimitOfPages) {
    Clustered source(50, 20, 25);
    BuiltTree tree(make_parameters(50));
    tree.build(source.next(20'000));
    SearchSettings settings = narrow();
    settings.max_pages = 10;
    const auto found = sorted(tree.nearest(source.next(), settings, all));
    EXPECT_GT(found.size(), 10U);
    EXPECT_LT(found.size(), 10'000U);
    EXPECT_TRUE(std::ranges::adjacent_find(found) == found.end());
}

TEST(VannSearch, RefusesAChainThatLeadsBackToItself) {
    BuiltTree tree(make_parameters(16));
    tree.build(std::vector<Floats>(5000, Floats(16, 1)));
    for (tree::Block block = 1; block < tree.store.block_count(); ++block)
        if (tree.store.lock(block, tree::Lock::shared).tail().kind == tree::PageKind::chain)
            reinterpret_cast<ChainHeader*>(tree::body(tree.store.raw(block)))->next = block;
    try {
        tree.nearest(Floats(16, 1), {}, all);
        FAIL() << "the search ended";
    } catch (const Error& error) {
        EXPECT_STREQ(error.sqlstate(), "XX002");
    }
}

// --- beside other threads

TEST(VannSearch, MissesAndRepeatsNothingWhileOthersInsert) {
    Clustered source(20, 10, 26);
    BuiltTree tree(make_parameters(20, Metric::l2, 4));
    const auto vectors = source.next(3000);
    tree.build(vectors);
    std::array<std::vector<Floats>, 2> added{source.next(6000), source.next(6000)};
    std::vector<std::uint64_t> last;
    {
        std::array<std::jthread, 2> others;
        for (std::uint64_t which = 0; which < 2; ++which)
            others[which] = std::jthread([&, which] {
                for (std::uint64_t i = 0; i < added[which].size(); ++i)
                    tree.insert(100'000 * (which + 1) + i, added[which][i]);
            });
        for (int i = 0; i < 40; ++i) {
            const auto found = sorted(tree.nearest(vectors[static_cast<std::size_t>(i)], narrow(), all));
            EXPECT_TRUE(std::ranges::adjacent_find(found) == found.end());
            const auto expected = first_rows(3000);
            EXPECT_TRUE(std::ranges::includes(found, expected));
            EXPECT_TRUE(std::ranges::includes(found, last)) << "what one scan found, the next one has to";
            last = found;
        }
    }
    EXPECT_EQ(tree.nearest(vectors[0], narrow(), all).size(), 15'000U);
    EXPECT_EQ(tree.violations(), nothing_wrong);
}

TEST(VannSearch, MissesAndRepeatsNothingWhileOthersDelete) {
    Clustered source(20, 10, 27);
    BuiltTree tree(make_parameters(20, Metric::l2, 4));
    const auto vectors = source.next(12'000);
    tree.build(vectors);
    std::vector<std::uint64_t> kept;
    for (std::uint64_t row = 0; row < 12'000; row += 7)
        kept.push_back(row);
    {
        const std::jthread other([&] {
            // Whole leaves become empty and are freed, their pages used again by what is inserted.
            for (std::uint64_t round = 1; round <= 6; ++round) {
                tree.vacuum([&](std::uint64_t row) {
                    return row < 12'000 ? row % 7 == round : row / 100'000 < round;
                });
                for (std::uint64_t i = 0; i < 500; ++i)
                    tree.insert(round * 100'000 + i, vectors[i]);
            }
        });
        for (int i = 0; i < 25; ++i) {
            const auto found = sorted(tree.nearest(vectors[static_cast<std::size_t>(i)], narrow(), all));
            EXPECT_TRUE(std::ranges::adjacent_find(found) == found.end());
            EXPECT_TRUE(std::ranges::includes(found, kept));
        }
    }
    EXPECT_EQ(tree.violations(), nothing_wrong);
}

} // namespace
} // namespace soup::vann::test
