// Every answer of a vtree equals that of looking at every point: boxes, balls, both, nearest neighbours, each
// also within regions, on trees that were built by insertion, by packing, and after deletions.
//
// Points lie in every awkward way: uniform, in clusters, on a grid with many ties, on a line, all equal, with
// squares beyond float's range on either end. Boxes and balls have points on their borders, are flat, are
// points. Seeds are fixed and named in the trace.
#include "tests/unit/vtree_fixture.hpp"

namespace soup::vtree::test {
namespace {

void expect_answers(Tree& tree, Shape shape, Random& random, int rounds) {
    const unsigned dimensions = tree.dimensions();
    for (int round = 0; round < rounds; ++round) {
        const BoxOf box = make_box(shape, dimensions, random);
        const BallOf ball = make_ball(shape, dimensions, random);
        EXPECT_EQ(tree.found(&box, nullptr), tree.expected(&box, nullptr));
        EXPECT_EQ(tree.found(nullptr, &ball), tree.expected(nullptr, &ball));
        EXPECT_EQ(tree.found(&box, &ball), tree.expected(&box, &ball));
        const auto from = make_point(shape, dimensions, random);
        tree.expect_nearest(from, nullptr, nullptr, 40);
        tree.expect_nearest(from, &box, nullptr, 10);
        tree.expect_nearest(from, nullptr, &ball, 10, NearestScan::Pinning::each_result);
    }
    EXPECT_EQ(tree.found(nullptr, nullptr), tree.expected(nullptr, nullptr));
    tree.expect_nearest(make_point(shape, dimensions, random), nullptr, nullptr, SIZE_MAX);
}

class VtreeAnswers : public OfEachShape {};

TEST_P(VtreeAnswers, equal_brute_force_after_insertion_and_deletion) {
    Tree tree(dimensions);
    expect_answers(tree, shape, random, 1); // Empty.
    for (int i = 0; i < 3000; ++i)
        tree.insert(make_point(shape, dimensions, random));
    tree.expect_sound();
    expect_answers(tree, shape, random, 5);

    const std::uint64_t kept = random() % 7;
    tree.vacuum([&](std::uint64_t row) { return row % 7 != kept; });
    tree.expect_sound();
    expect_answers(tree, shape, random, 3);
    for (int i = 0; i < 1500; ++i)
        tree.insert(make_point(shape, dimensions, random));
    tree.expect_sound();
    expect_answers(tree, shape, random, 3);

    tree.vacuum([](std::uint64_t) { return true; });
    tree.expect_sound();
    EXPECT_EQ(tree.found(nullptr, nullptr).size(), 0U);
}

TEST_P(VtreeAnswers, equal_brute_force_after_packing_and_insertion) {
    for (const std::size_t count :
         {std::size_t{0}, std::size_t{1}, std::size_t{100}, std::size_t{2000}, std::size_t{9000}}) {
        SCOPED_TRACE(count);
        const auto points = make_points(count, shape, dimensions, random);
        Tree tree(dimensions);
        int sorters = 0;
        // The smallest memory holds 1,000 points; the greatest of these sets needs a sorter.
        tree.pack(points, 0, &sorters);
        EXPECT_EQ(sorters, count > 1000 ? 1 : 0);
        tree.expect_sound();
        expect_answers(tree, shape, random, 3);
        for (int i = 0; i < 500; ++i)
            tree.insert(make_point(shape, dimensions, random));
        tree.expect_sound();
        expect_answers(tree, shape, random, 2);
    }
}

INSTANTIATE_TEST_SUITE_P(shapes, VtreeAnswers,
                         testing::Combine(testing::Values(1U, 2U, 3U, 6U, 16U),
                                          testing::ValuesIn(all_shapes)));

TEST(vtree, every_number_of_dimensions_packs_and_splits) {
    for (unsigned dimensions = 1; dimensions <= max_dimensions; ++dimensions) {
        SCOPED_TRACE(dimensions);
        Random random(dimensions);
        const auto points = make_points(2500, Shape::clustered, dimensions, random);
        Tree tree(dimensions);
        tree.pack(points, std::size_t{64} << 20);
        for (int i = 0; i < 1000; ++i)
            tree.insert(make_point(Shape::clustered, dimensions, random));
        tree.expect_sound();
        expect_answers(tree, Shape::clustered, random, 2);
    }
}

TEST(vtree, packs_pages_as_full_as_it_is_told) {
    Random random(1);
    const auto points = make_points(100'000, Shape::clustered, 3, random);
    Tree tree(3);
    tree.pack(points, std::size_t{64} << 20);
    // 403 of 448 entries a leaf: 249 leaves, one inner page as the root, the metapage.
    EXPECT_EQ(tree.store.block_count(), 100'000 / 403 + 1 + 2);
}

TEST(vtree, equal_points_share_their_leaves_evenly) {
    Tree tree(2);
    for (int i = 0; i < 50'000; ++i)
        tree.insert({1, 2});
    tree.expect_sound();
    // Splits leave halves; without turns among equal boxes all but one would stay halves: 174 leaves.
    EXPECT_LT(tree.store.block_count(), 174U * 4 / 5);
    EXPECT_EQ(tree.found(nullptr, nullptr).size(), 50'000U);
    const BoxOf point{{1, 2}, {1, 2}};
    EXPECT_EQ(tree.found(&point, nullptr).size(), 50'000U);
}

TEST(vtree, a_small_query_touches_few_pages) {
    Random random(3);
    const auto points = make_points(200'000, Shape::uniform, 3, random);
    Tree tree(3);
    tree.pack(points, std::size_t{64} << 20);
    std::uint64_t before = tree.store.pins_taken();
    for (int i = 0; i < 100; ++i) {
        const auto centre = make_point(Shape::uniform, 3, random);
        const BoxOf box{{centre[0] - 2, centre[1] - 2, centre[2] - 2},
                        {centre[0] + 2, centre[1] + 2, centre[2] + 2}};
        tree.found(&box, nullptr);
    }
    EXPECT_LT(tree.store.pins_taken() - before, 100U * 7) << "pages for a box of about two points";
    before = tree.store.pins_taken();
    for (int i = 0; i < 100; ++i) {
        NearestScan scan(tree.store, tree.geometry.layout(), make_point(Shape::uniform, 3, random), Region(3),
                         NearestScan::Pinning::none);
        NearestScan::Found found;
        for (int k = 0; k < 10; ++k)
            scan.next(found);
    }
    EXPECT_LT(tree.store.pins_taken() - before, 100U * 9) << "pages for ten neighbours";
}

/// From the middle of a ring all leaves are as near as their rows are far, and more rows are found at once
/// than are wanted: they wait for batches to come.
TEST(vtree, rows_of_a_ring_come_in_order) {
    Random random(10);
    std::uniform_real_distribution<float> angle(0, 6.2831853F), radius(10, 10.0005F);
    std::vector<std::vector<float>> points;
    for (int i = 0; i < 20'000; ++i) {
        const float at = angle(random), far = radius(random);
        points.push_back({far * std::cos(at), far * std::sin(at)});
    }
    Tree tree(2);
    tree.pack(points, std::size_t{64} << 20);
    tree.expect_nearest({0, 0}, nullptr, nullptr, 2000);
    tree.expect_nearest({9.5F, 0}, nullptr, nullptr, SIZE_MAX);
}

/// Who fetches the rows brings the next ones near.
TEST(vtree, what_comes_next_is_known_ahead) {
    Random random(9);
    Tree tree(3);
    tree.pack(make_points(20'000, Shape::clustered, 3, random), std::size_t{64} << 20);
    NearestScan scan(tree.store, tree.geometry.layout(), make_point(Shape::clustered, 3, random), Region(3),
                     NearestScan::Pinning::none);
    std::vector<HeapAddress> seen, announced;
    HeapAddress room[4];
    for (NearestScan::Found found; seen.size() < 1000 && scan.next(found);) {
        seen.push_back(found.row);
        const std::span<const HeapAddress> ahead = scan.ahead(room);
        if (announced.size() > seen.size()) continue;
        announced.resize(seen.size());
        announced.insert(announced.end(), ahead.begin(), ahead.end());
    }
    unsigned known = 0;
    for (std::size_t i = 0; i < seen.size(); ++i) {
        if (announced[i] == HeapAddress{}) continue;
        EXPECT_EQ(announced[i], seen[i]);
        ++known;
    }
    EXPECT_GT(known, 700U);
    EXPECT_TRUE(scan.ahead({}).empty());
}

TEST(vtree, a_damaged_page_is_refused_and_reported) {
    Random random(4);
    Tree tree(3);
    for (int i = 0; i < 2000; ++i)
        tree.insert(make_point(Shape::uniform, 3, random));
    tree.expect_sound();
    const auto violations = [&] {
        int count = 0;
        tree::verify(tree.store, tree.geometry, tree::Unlinked::reported,
                     [&](const tree::Violation&) { ++count; });
        return count;
    };
    std::byte* leaf = tree::body(tree.store.raw(2));
    Layout::set_count(leaf, 60'000);
    EXPECT_THROW(tree.found(nullptr, nullptr), Error);
    EXPECT_THROW(tree.expect_nearest({0, 0, 0}, nullptr, nullptr, SIZE_MAX), Error);
    EXPECT_GT(violations(), 0);

    Layout::set_count(leaf, 10);
    EXPECT_EQ(violations(), 0) << "lost entries are found against the heap only";
    tree.geometry.layout().column(leaf, 1)[3] = 1e6f;
    EXPECT_EQ(violations(), 1);
    tree.geometry.layout().column(leaf, 1)[3] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(violations(), 1);
}

/// What verify compares with the heap.
TEST(vtree, an_entry_agrees_with_its_row_and_with_no_other) {
    Random random(5);
    Tree tree(3);
    for (int i = 0; i < 2000; ++i)
        tree.insert(make_point(Shape::uniform, 3, random));
    unsigned agree = 0, differ = 0;
    for (tree::Block block = tree::root_block; block < tree.store.block_count(); ++block) {
        const tree::Page page = tree.store.lock(block, tree::Lock::shared);
        if (page.tail().kind != tree::PageKind::leaf) continue;
        tree.geometry.rows(tree.store, page, [&](HeapAddress row, const tree::RowPlace& place) {
            std::vector<float> point = tree.rows.at(tree::as_number(row));
            const auto contradicts = [&] {
                return tree.geometry.contradiction(tree.store, page, place, {point, row, {}}) != nullptr;
            };
            agree += contradicts() ? 0 : 1;
            point[place.slot % 3] = std::nextafter(point[place.slot % 3], 1e9F);
            differ += contradicts() ? 1 : 0;
        });
    }
    EXPECT_EQ(agree, 2000U);
    EXPECT_EQ(differ, 2000U);
}

/// Any bytes in the place of a page's content: scans and verify end, with an answer or a clear refusal.
TEST(vtree, a_page_of_noise_ends_nobody) {
    Random random(8);
    int refused = 0, reported = 0;
    for (int round = 0; round < 300; ++round) {
        Tree tree(1 + random() % 4);
        const Shape shape = Shape::uniform;
        for (int i = 0; i < 1500; ++i)
            tree.insert(make_point(shape, tree.dimensions(), random));
        std::byte* page = tree.store.raw(1 + static_cast<Block>(random() % (tree.store.block_count() - 1)));
        const std::size_t first = random() % 3 == 0 ? 2 : random() % 8000;
        const std::size_t last =
            random() % 2 == 0 ? tree::body_bytes : std::min(first + 64, tree::body_bytes);
        for (std::size_t at = first; at < last; ++at)
            tree::body(page)[at] = static_cast<std::byte>(random());
        if (round % 5 == 0) tree::tail(page).level ^= 1;
        if (round % 7 == 0) Layout::set_count(tree::body(page), static_cast<unsigned>(random() % 900));

        const auto end_somehow = [&](auto&& work) {
            try {
                work();
            } catch (const Error& error) {
                EXPECT_STREQ(error.sqlstate(), "XX002");
                ++refused;
            }
        };
        const BoxOf box = make_box(shape, tree.dimensions(), random);
        const BallOf ball = make_ball(shape, tree.dimensions(), random);
        end_somehow([&] {
            RegionScan scan(tree.store, tree.geometry.layout(), tree.region(&box, &ball),
                            RegionScan::Want::rows);
            for (Hits hits; scan.next(hits);) {
            }
        });
        end_somehow([&] {
            NearestScan scan(tree.store, tree.geometry.layout(), make_point(shape, tree.dimensions(), random),
                             Region(tree.dimensions()), NearestScan::Pinning::each_result);
            for (NearestScan::Found found; scan.next(found);) {
            }
        });
        end_somehow([&] {
            tree::verify(tree.store, tree.geometry, tree::Unlinked::reported,
                         [&](const tree::Violation&) { ++reported; });
        });
    }
    EXPECT_GT(refused, 30);
    EXPECT_GT(reported, 300);
}

/// An inner page of intervals.
std::vector<std::byte> page_of(const BoxGeometry& geometry,
                               const std::vector<std::vector<float>>& intervals) {
    std::vector<tree::Child> children;
    for (const std::vector<float>& interval : intervals)
        children.push_back({static_cast<tree::Block>(children.size() + 2), interval});
    std::vector<std::byte> page(tree::body_bytes);
    geometry.fill_inner(page.data(), children);
    return page;
}

TEST(VtreeChoice, is_the_smallest_of_the_boxes_that_have_the_point_or_the_nearest) {
    const BoxGeometry geometry(1);
    // The first one's side is longer than the greatest float.
    const auto page = page_of(geometry, {{-3e38F, 3e38F}, {0, 1}, {5, 6}, {5.5F, 9}});
    const auto without = page_of(geometry, {{0, 1}, {5, 6}});
    for (std::uint64_t row = 1; row < 9; ++row) { // Whose turn it is must not matter.
        const auto choice = [&](const std::vector<std::byte>& from, float at) {
            const std::vector<float> point{at};
            return geometry.choose(from.data(), {point, address(row), {}});
        };
        EXPECT_EQ(choice(page, 0.5F), 1U);
        EXPECT_EQ(choice(page, 5.75F), 2U);
        EXPECT_EQ(choice(page, 8), 3U);
        EXPECT_EQ(choice(page, 100), 0U);
        EXPECT_EQ(choice(without, 2), 0U);
        EXPECT_EQ(choice(without, 4), 1U);
    }
}

TEST(VtreeChoice, takes_equals_in_turn) {
    const BoxGeometry geometry(1);
    const auto page = page_of(geometry, std::vector<std::vector<float>>(100, {7, 7}));
    const std::vector<float> point{7};
    for (std::uint64_t row = 0; row < 300; ++row)
        EXPECT_EQ(geometry.choose(page.data(), {point, address(row), {}}),
                  tree::as_number(address(row)) % 100);
}

} // namespace
} // namespace soup::vtree::test
