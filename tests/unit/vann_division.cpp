// How a leaf's points are divided, and which leaves are divided before they are full.
#include "core/vann/division.hpp"

#include "core/simd/dispatch.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>

namespace soup::vann {
namespace {

class VannDivision : public testing::Test {
protected:
    static void SetUpTestSuite() { simd::choose(simd::best_available()); }

    explicit VannDivision(unsigned dims = 64) : points_{{}, 0, dims, dims} {}

    void add(const std::vector<float>& centre, float width, unsigned count) {
        std::normal_distribution<float> spread(0, width);
        for (unsigned i = 0; i < count; ++i)
            for (unsigned d = 0; d < points_.dims; ++d)
                points_.floats.push_back(centre[d] + spread(random_));
        points_.count += count;
    }
    std::vector<float> centre() {
        std::normal_distribution<float> spread(0, 10);
        std::vector<float> result(points_.dims);
        std::ranges::generate(result, [&] { return spread(random_); });
        return result;
    }
    unsigned right() const { return static_cast<unsigned>(std::ranges::count(divide_leaf(points_), true)); }

    Points points_;
    std::mt19937 random_{11};
};

TEST_F(VannDivision, AClusterApartGoesAlone) {
    add(centre(), 1, 10);
    add(centre(), 1, 190);
    EXPECT_FALSE(divide_early(points_).empty());
    const std::vector<bool> is_right = divide_leaf(points_);
    for (unsigned i = 1; i < points_.count; ++i)
        EXPECT_EQ(is_right[i] == is_right[0], i < 10) << i;
}

TEST_F(VannDivision, AClusterApartFromSeveralGoesAlone) {
    for (const unsigned count : {120U, 40U, 40U})
        add(centre(), 1, count);
    EXPECT_FALSE(divide_early(points_).empty());
}

TEST_F(VannDivision, TooFewForALeafStay) {
    add(centre(), 1, 7);
    add(centre(), 1, 193);
    EXPECT_TRUE(divide_early(points_).empty());
    EXPECT_GE(std::min(right(), points_.count - right()), points_.count / 4);
}

TEST_F(VannDivision, ManyClustersStay) {
    for (const unsigned count : {10U, 20U}) {
        points_.floats.clear();
        points_.count = 0;
        for (unsigned i = 0; i < 200 / count; ++i)
            add(centre(), 1, count);
        EXPECT_TRUE(divide_early(points_).empty()) << count;
    }
}

TEST_F(VannDivision, OneClusterStays) {
    add(centre(), 1, 200);
    EXPECT_TRUE(divide_early(points_).empty());
    EXPECT_GE(std::min(right(), points_.count - right()), points_.count / 4);
}

TEST_F(VannDivision, ALineAndAPlaneStay) {
    const std::vector<float> along = centre(), across = centre();
    for (const bool is_plane : {false, true}) {
        points_.floats.clear();
        points_.count = 0;
        std::uniform_real_distribution<float> place(0, 10);
        for (unsigned i = 0; i < 200; ++i) {
            const float x = place(random_), y = is_plane ? place(random_) : 0;
            std::vector<float> point(points_.dims);
            for (unsigned d = 0; d < points_.dims; ++d)
                point[d] = x * along[d] + y * across[d];
            add(point, 2, 1);
        }
        EXPECT_TRUE(divide_early(points_).empty()) << is_plane;
    }
}

TEST_F(VannDivision, ClustersOfAHundredthOfTheirDistanceAreTooWide) {
    for (unsigned i = 0; i < 10; ++i)
        add(centre(), 0.01F, 10);
    EXPECT_FALSE(divide_early(points_).empty());
}

TEST_F(VannDivision, EqualPointsAreDividedHalfAndHalf) {
    const std::vector<float> same = centre();
    add(same, 0, 100);
    EXPECT_TRUE(divide_early(points_).empty());
    EXPECT_EQ(right(), 50);
}

TEST_F(VannDivision, TwoPointsPart) {
    add(centre(), 1, 1);
    add(centre(), 1, 1);
    EXPECT_EQ(right(), 1);
}

} // namespace
} // namespace soup::vann
