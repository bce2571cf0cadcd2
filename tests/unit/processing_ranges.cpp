// Which offsets a lane has still to process, from intervals, cursor and head.
#include "bgworkers/ranges.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace soup::workers {
namespace {

using Ranges = std::vector<Range>;

TEST(ProcessingRanges, NothingWithoutIntervals) {
    EXPECT_EQ(pending_ranges({}, 0, 100), Ranges{});
}

TEST(ProcessingRanges, AnOpenIntervalEndsAtTheHead) {
    EXPECT_EQ(pending_ranges({{0, std::nullopt}}, 0, 100), (Ranges{{0, 100}}));
    EXPECT_EQ(pending_ranges({{0, std::nullopt}}, 40, 100), (Ranges{{40, 100}}));
    EXPECT_EQ(pending_ranges({{0, std::nullopt}}, 100, 100), Ranges{});
}

TEST(ProcessingRanges, AClosedIntervalIsFinishedAndNoMore) {
    EXPECT_EQ(pending_ranges({{0, 50}}, 10, 100), (Ranges{{10, 50}}));
    EXPECT_EQ(pending_ranges({{0, 50}}, 50, 100), Ranges{});
}

TEST(ProcessingRanges, AGapBetweenIntervalsIsLeftOut) {
    EXPECT_EQ(pending_ranges({{70, std::nullopt}, {0, 50}}, 10, 100), (Ranges{{10, 50}, {70, 100}}));
    EXPECT_EQ(pending_ranges({{0, 50}, {70, std::nullopt}}, 60, 100), (Ranges{{70, 100}}));
}

TEST(ProcessingRanges, WhatTouchesOrOverlapsIsJoined) {
    EXPECT_EQ(pending_ranges({{50, std::nullopt}, {0, 50}}, 0, 100), (Ranges{{0, 100}}));
    EXPECT_EQ(pending_ranges({{0, 80}, {20, 30}, {60, 90}}, 0, 100), (Ranges{{0, 90}}));
}

TEST(ProcessingRanges, AnIntervalBeyondTheHeadWaits) {
    EXPECT_EQ(pending_ranges({{120, std::nullopt}}, 0, 100), Ranges{});
    EXPECT_EQ(pending_ranges({{0, 500}}, 0, 100), (Ranges{{0, 100}}));
}

TEST(ProcessingRanges, HoldExactlyTheOffsetsOfTheUnion) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto below = [&](std::int64_t limit) {
        return static_cast<std::int64_t>(random() % static_cast<unsigned>(limit));
    };
    for (int round = 0; round < 2000; ++round) {
        std::vector<Interval> intervals;
        for (std::int64_t i = below(6); i > 0; --i) {
            const std::int64_t from = below(40);
            intervals.push_back({from, below(4) == 0 ? std::nullopt : std::optional(from + below(20))});
        }
        const std::int64_t cursor = below(50), head = below(50);
        std::set<std::int64_t> wanted, found;
        for (std::int64_t offset = cursor; offset < head; ++offset)
            for (const Interval& interval : intervals)
                if (offset >= interval.from && (!interval.to || offset < *interval.to)) wanted.insert(offset);
        std::int64_t last = -1;
        for (const Range& range : pending_ranges(intervals, cursor, head)) {
            EXPECT_GT(range.from, last) << "ranges ascend and do not touch";
            EXPECT_LT(range.from, range.to);
            for (std::int64_t offset = range.from; offset < range.to; ++offset)
                found.insert(offset);
            last = range.to;
        }
        ASSERT_EQ(found, wanted);
    }
}

} // namespace
} // namespace soup::workers
