// The least of many numbers, against sorting them.
#include "core/vann/least.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>

namespace soup::vann::test {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

std::vector<float> taken(std::span<const float> numbers, std::size_t wanted) {
    Least least;
    Bound bound = least.find(numbers, wanted);
    const float limit = bound.limit();
    std::vector<float> found;
    for (const float number : numbers) {
        if (!bound.takes(number)) continue;
        EXPECT_LT(number, limit);
        found.push_back(number);
    }
    std::ranges::sort(found);
    return found;
}

/// Few different numbers have many ties; those that are +infinity are never taken.
TEST(VannLeast, AreThoseThatSortingPutsFirst) {
    std::mt19937 random(8);
    for (const std::size_t size : {16UL, 64UL, 80UL, 1008UL, 5008UL})
        for (const unsigned different : {1U, 3U, 50U, 1'000'000U}) {
            std::vector<float> numbers(size);
            for (float& number : numbers)
                number = random() % 8 == 0 ? infinity : static_cast<float>(random() % different) - 10;
            std::vector<float> sorted = numbers;
            std::ranges::sort(sorted);
            std::erase(sorted, infinity);
            for (const std::size_t wanted : {0UL, 1UL, 2UL, 10UL, 63UL, 64UL, 900UL, 6000UL}) {
                const auto end =
                    sorted.begin() + static_cast<std::ptrdiff_t>(std::min(wanted, sorted.size()));
                EXPECT_EQ(taken(numbers, wanted), std::vector<float>(sorted.begin(), end))
                    << wanted << " of " << size << ", " << different << " different";
            }
        }
}

TEST(VannLeast, OfNumbersInDescendingOrder) {
    std::vector<float> numbers(4096);
    for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] = -static_cast<float>(i);
    EXPECT_EQ(taken(numbers, 3), (std::vector<float>{-4095, -4094, -4093}));
}

} // namespace
} // namespace soup::vann::test
