// Queries for calibration: of each stretch one, wherever in it.
#include "core/vann/strata.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace soup::vann::test {
namespace {

std::vector<std::uint64_t> drawn(std::uint64_t members, std::uint64_t wanted, std::mt19937_64& random) {
    Strata strata(members, wanted, random);
    std::vector<std::uint64_t> drawn;
    for (std::uint64_t member = 0; member < members; ++member)
        if (strata.next()) drawn.push_back(member);
    return drawn;
}

TEST(VannStrata, GiveOneOfEachStretch) {
    std::mt19937_64 random(1);
    for (const std::uint64_t members : {100U, 101U, 137U, 199U, 200U, 4000U}) {
        const auto rows = drawn(members, 100, random);
        ASSERT_EQ(rows.size(), 100U) << members;
        for (std::uint64_t i = 0; i < rows.size(); ++i) {
            EXPECT_GE(rows[i], i * members / 100) << members;
            EXPECT_LT(rows[i], (i + 1) * members / 100) << members;
        }
    }
}

TEST(VannStrata, GiveAllAndNone) {
    std::mt19937_64 random(2);
    EXPECT_EQ(drawn(7, 7, random), (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6}));
    EXPECT_TRUE(drawn(7, 0, random).empty());
    EXPECT_TRUE(drawn(0, 0, random).empty());
}

/// A period in the rows, as of tenants that take turns, is none in the draw.
TEST(VannStrata, LeaveThePlaceToChance) {
    std::mt19937_64 random(3);
    std::vector<unsigned> often(10);
    for (const std::uint64_t row : drawn(20'000, 2000, random))
        often[row % often.size()]++;
    for (const unsigned times : often) {
        EXPECT_GT(times, 140U);
        EXPECT_LT(times, 260U);
    }
}

/// Of many members beyond what 64 bits hold of their products.
TEST(VannStrata, DoNotOverflow) {
    std::mt19937_64 random(4);
    Strata strata(10'000'000'000'000'000'000U, 10'000'000'000'000'000, random);
    unsigned found = 0;
    for (unsigned member = 0; member < 5000; ++member)
        found += strata.next() ? 1 : 0;
    EXPECT_EQ(found, 5U);
}

} // namespace
} // namespace soup::vann::test
