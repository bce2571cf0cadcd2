// A grid counts each point in the cell that the formula names, on every instruction set: few borders among a
// page's points, many, none; and a scan whose viewer is content with some leaves still gives the hits of all
// others.
#include "tests/unit/vtree_fixture.hpp"

#include "core/vtree/grid.hpp"

namespace soup::vtree::test {
namespace {

/// Cell numbers by division, one point at a time.
std::size_t expected_cell(const BoxOf& box, const std::vector<int>& cells, const std::vector<float>& point) {
    std::size_t cell = 0;
    for (std::size_t j = 0; j < cells.size(); ++j) {
        const double side = static_cast<double>(box.upper[j]) - box.lower[j];
        const double place =
            side == 0 ? 0 : (static_cast<double>(point[j]) - box.lower[j]) * (cells[j] / side);
        const double along = std::clamp(std::floor(place), 0.0, cells[j] - 1.0);
        cell = cell * static_cast<std::size_t>(cells[j]) + static_cast<std::size_t>(along);
    }
    return cell;
}

std::vector<int> draw_cells(unsigned dimensions, Random& random) {
    std::vector<int> cells(dimensions);
    std::size_t room = 20'000;
    for (int& along : cells) {
        const int wanted[] = {1, 2, 3, 10, 40, 3000};
        along = wanted[random() % std::size(wanted)];
        if (static_cast<std::size_t>(along) > room) along = 1;
        room /= static_cast<std::size_t>(along);
    }
    return cells;
}

/// Points of a leaf in columns as a page has them, with something after the last of each.
struct Leaf {
    Leaf(const std::vector<std::vector<float>>& points, unsigned dimensions)
        : values(dimensions * stride + 16, -3.0f), columns{values.data(), stride, points.size(), dimensions} {
        for (std::size_t i = 0; i < points.size(); ++i)
            for (unsigned j = 0; j < dimensions; ++j)
                values[j * stride + i] = points[i][j];
    }
    static constexpr std::size_t stride = 208;
    std::vector<float> values;
    simd::PointColumns columns;
};

class VtreeGrid : public testing::TestWithParam<std::tuple<simd::Isa, unsigned, Shape>> {
protected:
    void SetUp() override { ASSERT_TRUE(simd::choose(std::get<0>(GetParam()))); }
    void TearDown() override { simd::choose(simd::best_available()); }

    unsigned dimensions = std::get<1>(GetParam());
    Shape shape = std::get<2>(GetParam());
    Random random{dimensions * 100 + static_cast<unsigned>(shape)};
};

TEST_P(VtreeGrid, counts_in_the_cells_of_the_formula) {
    for (int round = 0; round < 30; ++round) {
        const BoxOf box = make_box(shape, dimensions, random);
        const std::vector<int> cells = draw_cells(dimensions, random);
        SCOPED_TRACE("round " + std::to_string(round) + ", cells " + testing::PrintToString(cells));
        const Grid grid(box.lower, box.upper, cells);
        auto points = make_points(1 + random() % Leaf::stride, shape, dimensions, random);
        points.front() = box.lower;
        points.back() = box.upper;
        const Leaf leaf(points, dimensions);
        Mask inside;
        std::vector<std::int64_t> counts(grid.cell_count()), expected(grid.cell_count());
        set_bits(inside, static_cast<unsigned>(points.size()));
        for (std::size_t i = 0; i < points.size(); ++i) {
            EXPECT_EQ(grid.cell_of(points[i].data()), expected_cell(box, cells, points[i]));
            if (random() % 4 == 0)
                inside[i / 64] &= ~(std::uint64_t{1} << i % 64);
            else
                ++expected[expected_cell(box, cells, points[i])];
        }
        grid.count(leaf.columns, inside, counts);
        EXPECT_TRUE(counts == expected);
    }
}

TEST_P(VtreeGrid, numbers_cells_with_the_last_dimension_fastest) {
    const BoxOf box = make_box(Shape::uniform, dimensions, random);
    const std::vector<int> cells = draw_cells(dimensions, random);
    const Grid grid(box.lower, box.upper, cells);
    std::vector<int> place(dimensions), next(dimensions, 1);
    for (std::size_t cell = 0; cell < std::min<std::size_t>(grid.cell_count(), 1000); ++cell) {
        grid.place_of(cell, place);
        EXPECT_EQ(place, next);
        for (unsigned j = dimensions; j-- > 0;) {
            if (++next[j] <= cells[j]) break;
            next[j] = 1;
        }
    }
}

/// Is content with every other leaf.
class EveryOther final : public LeafViewer {
public:
    bool look(const LeafView& leaf) override {
        if ((looks++ & 1) != 0) return false;
        for_each_bit(leaf.inside, static_cast<unsigned>(leaf.points.count),
                     [&](unsigned slot) { seen.push_back(tree::as_number(leaf.rows[slot])); });
        return true;
    }
    std::vector<std::uint64_t> seen;
    unsigned looks = 0;
};

TEST_P(VtreeGrid, leaves_that_a_viewer_took_are_no_hits) {
    Tree tree(dimensions);
    for (int i = 0; i < 3000; ++i)
        tree.insert(make_point(shape, dimensions, random));
    const BoxOf box = make_box(shape, dimensions, random);
    for (const BoxOf* asked : {&box, static_cast<const BoxOf*>(nullptr)}) {
        EveryOther viewer;
        RegionScan scan(tree.store, tree.geometry.layout(), tree.region(asked, nullptr),
                        RegionScan::Want::rows, &viewer);
        std::vector<std::uint64_t> all;
        Hits hits;
        while (scan.next(hits))
            for (const HeapAddress& row : hits.rows)
                all.push_back(tree::as_number(row));
        EXPECT_EQ(all.empty(), viewer.looks < 2);
        all.insert(all.end(), viewer.seen.begin(), viewer.seen.end());
        std::ranges::sort(all);
        EXPECT_EQ(all, tree.expected(asked, nullptr));
    }
}

INSTANTIATE_TEST_SUITE_P(sets, VtreeGrid,
                         testing::Combine(testing::ValuesIn(runnable()), testing::Values(1U, 2U, 3U, 16U),
                                          testing::ValuesIn(all_shapes)));

} // namespace
} // namespace soup::vtree::test
