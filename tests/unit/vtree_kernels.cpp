// The kernels of boxes on every instruction set that this machine runs, against plain loops: equal bit for
// bit where the header says so, within the stated margin elsewhere. Counts go over every border of a register
// and of a mask's word; what lies past the last entry is filled with values that would give themselves away.
#include "tests/unit/vtree_fixture.hpp"

#include "core/vtree/margin.hpp"

namespace soup::vtree::test {
namespace {

constexpr std::size_t stride = 208;

struct Columns {
    std::vector<float> values;
    explicit Columns(unsigned dimensions) : values(dimensions * stride + 16, 0.0f) {}
};

std::vector<bool> bits(const std::uint64_t* mask, std::size_t count) {
    std::vector<bool> result;
    result.resize((count + 63) / 64 * 64);
    for (std::size_t i = 0; i < result.size(); ++i)
        result[i] = (mask[i / 64] >> (i % 64) & 1) != 0;
    return result;
}

class BoxKernelsOn : public testing::TestWithParam<std::tuple<simd::Isa, unsigned, Shape>> {
protected:
    void SetUp() override {
        const simd::Isa isa = std::get<0>(GetParam());
        kernels = &simd::kernels_of(isa).boxes;
        for (std::size_t i = 0; i < stride; ++i) {
            const auto a = make_point(shape, dimensions, random), b = make_point(shape, dimensions, random);
            for (unsigned j = 0; j < dimensions; ++j) {
                lower.values[j * stride + i] = std::min(a[j], b[j]);
                upper.values[j * stride + i] = std::max(a[j], b[j]);
            }
        }
    }
    simd::PointColumns points(std::size_t count) const {
        return {lower.values.data(), stride, count, dimensions};
    }
    simd::BoxColumns boxes(std::size_t count) const {
        return {lower.values.data(), upper.values.data(), stride, count, dimensions};
    }
    float low(std::size_t i, unsigned j) const { return lower.values[j * stride + i]; }
    float high(std::size_t i, unsigned j) const { return upper.values[j * stride + i]; }
    std::vector<float> point(std::size_t i) const {
        std::vector<float> result(dimensions);
        for (unsigned j = 0; j < dimensions; ++j)
            result[j] = low(i, j);
        return result;
    }

    unsigned dimensions = std::get<1>(GetParam());
    Shape shape = std::get<2>(GetParam());
    Random random{dimensions};
    const simd::BoxKernels* kernels = nullptr;
    Columns lower{dimensions}, upper{dimensions};
};

TEST_P(BoxKernelsOn, agree_with_plain_loops) {
    for (const std::size_t count : {1, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128, 129, 192}) {
        SCOPED_TRACE(count);
        const BoxOf box = make_box(shape, dimensions, random);
        const BallOf ball = make_ball(shape, dimensions, random);
        const double radius_squared = ball.radius * ball.radius;
        std::uint64_t in_box[4] = {}, in_ball[4] = {}, meet[4] = {}, within[4] = {};
        float distances[stride], nearest[stride], farthest[stride], gaps[stride];
        kernels->points_in_box(points(count), box.lower.data(), box.upper.data(), in_box);
        kernels->points_in_ball(points(count), ball.centre.data(), radius_squared, in_ball);
        kernels->point_distances(points(count), ball.centre.data(), distances);
        kernels->boxes_meet_box(boxes(count), box.lower.data(), box.upper.data(), meet, within);
        kernels->box_distances(boxes(count), ball.centre.data(), nearest, farthest);
        kernels->box_gaps(boxes(count), ball.centre.data(), gaps);

        const float border = ball.centre[0];
        std::uint64_t reached[4] = {};
        kernels->values_from(lower.values.data(), count, border, reached);
        const simd::ColumnRange range = kernels->column_range(lower.values.data(), count);
        const auto [least, greatest] =
            std::minmax_element(lower.values.begin(), lower.values.begin() + count);
        EXPECT_EQ(range.least, *least);
        EXPECT_EQ(range.greatest, *greatest);

        std::vector<bool> expect_in_box(bits(in_box, count).size()),
            expect_in_ball = expect_in_box, expect_meet = expect_in_box, expect_within = expect_in_box,
            expect_reached = expect_in_box;
        for (std::size_t i = 0; i < count; ++i) {
            bool is_in = true, does_meet = true, is_within = true;
            double near_sum = 0, far_sum = 0;
            float gap_sum = 0;
            for (unsigned j = 0; j < dimensions; ++j) {
                is_in = is_in && box.lower[j] <= low(i, j) && low(i, j) <= box.upper[j];
                does_meet = does_meet && low(i, j) <= box.upper[j] && box.lower[j] <= high(i, j);
                is_within = is_within && box.lower[j] <= low(i, j) && high(i, j) <= box.upper[j];
                const double c = ball.centre[j];
                const double gap = std::max({low(i, j) - c, c - high(i, j), 0.0});
                const double reach = std::max(c - low(i, j), high(i, j) - c);
                near_sum += gap * gap;
                far_sum += reach * reach;
                gap_sum += std::max({low(i, j) - ball.centre[j], ball.centre[j] - high(i, j), 0.0F});
            }
            expect_reached[i] = low(i, 0) >= border;
            expect_in_box[i] = is_in;
            expect_in_ball[i] =
                squared_distance(point(i).data(), ball.centre.data(), dimensions) <= radius_squared;
            expect_meet[i] = does_meet;
            expect_within[i] = is_within;
            // The margin's promise, and that it is not bought by being useless.
            const double exact = squared_distance(point(i).data(), ball.centre.data(), dimensions);
            EXPECT_LE(at_least(distances[i]), exact);
            EXPECT_GE(at_most(distances[i]), std::min(exact, 3.4e38));
            EXPECT_LE(at_least(nearest[i]), near_sum);
            EXPECT_GE(at_most(farthest[i]), std::min(far_sum, 3.4e38));
            if (exact > 1e-25 && exact < 1e38) {
                EXPECT_NEAR(distances[i] / exact, 1, 2e-6);
            }
            EXPECT_EQ(std::bit_cast<std::uint32_t>(gaps[i]), std::bit_cast<std::uint32_t>(gap_sum));
        }
        EXPECT_EQ(bits(in_box, count), expect_in_box);
        EXPECT_EQ(bits(in_ball, count), expect_in_ball);
        EXPECT_EQ(bits(reached, count), expect_reached);
        EXPECT_EQ(kernels->count_bits(reached, count),
                  static_cast<std::size_t>(std::ranges::count(expect_reached, true)));
        EXPECT_EQ(bits(meet, count), expect_meet);
        EXPECT_EQ(bits(within, count), expect_within);
    }
}

TEST_P(BoxKernelsOn, find_the_first_of_the_least) {
    for (std::size_t count = 1; count < 100; ++count) {
        std::vector<float> values((count + 15) / 16 * 16, std::numeric_limits<float>::infinity());
        for (std::size_t i = 0; i < count; ++i)
            values[i] = static_cast<float>(random() % 10);
        EXPECT_EQ(kernels->least(values.data(), count),
                  static_cast<std::size_t>(std::min_element(values.begin(), values.end()) - values.begin()));
    }
}

INSTANTIATE_TEST_SUITE_P(sets, BoxKernelsOn,
                         testing::Combine(testing::ValuesIn(runnable()), testing::Values(1U, 2U, 3U, 16U),
                                          testing::ValuesIn(all_shapes)));

} // namespace
} // namespace soup::vtree::test
