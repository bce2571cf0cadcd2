// Which offsets of a partition a lane has still to process: the union of a version's intervals, cut to what
// lies between cursor and head. No server types here: unit-tested on its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace soup::workers {

/// [from, to); without `to` it is open at the head.
struct Interval {
    std::int64_t from = 0;
    std::optional<std::int64_t> to;
};

/// [from, to), never empty.
struct Range {
    std::int64_t from = 0;
    std::int64_t to = 0;
    bool operator==(const Range&) const = default;
};

/// Ascending, disjoint, not touching. Intervals may overlap (a replay beside a promotion) and come in any
/// order.
inline std::vector<Range> pending_ranges(std::vector<Interval> intervals, std::int64_t cursor,
                                         std::int64_t head) {
    std::sort(intervals.begin(), intervals.end(),
              [](const Interval& a, const Interval& b) { return a.from < b.from; });
    std::vector<Range> ranges;
    for (const Interval& interval : intervals) {
        const Range range{std::max(interval.from, cursor), std::min(interval.to.value_or(head), head)};
        if (range.from >= range.to) continue;
        if (!ranges.empty() && range.from <= ranges.back().to)
            ranges.back().to = std::max(ranges.back().to, range.to);
        else
            ranges.push_back(range);
    }
    return ranges;
}

} // namespace soup::workers
