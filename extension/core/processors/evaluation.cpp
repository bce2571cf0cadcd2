// See evaluation.hpp.
#include "core/processors/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace soup::processors {
namespace {

/// Ranks from 1; equal values share the mean of theirs.
std::vector<double> shared_ranks(std::span<const double> values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    std::vector<double> ranks(values.size());
    for (std::size_t first = 0; first < order.size();) {
        std::size_t last = first;
        while (last + 1 < order.size() && values[order[last + 1]] == values[order[first]])
            last++;
        const double shared = static_cast<double>(first + last) / 2 + 1;
        for (std::size_t i = first; i <= last; i++)
            ranks[order[i]] = shared;
        first = last + 1;
    }
    return ranks;
}

} // namespace

std::optional<double> roc_auc(std::span<const double> scores, std::span<const std::uint8_t> labels) {
    const std::vector<double> ranks = shared_ranks(scores);
    double labelled = 0, rank_sum = 0;
    for (std::size_t i = 0; i < ranks.size(); i++)
        if (labels[i] != 0) labelled++, rank_sum += ranks[i];
    const double others = static_cast<double>(ranks.size()) - labelled;
    if (labelled == 0 || others == 0) return std::nullopt;
    return (rank_sum - labelled * (labelled + 1) / 2) / (labelled * others);
}

std::optional<double> rank_correlation(std::span<const double> left, std::span<const double> right) {
    const std::vector<double> x = shared_ranks(left), y = shared_ranks(right);
    const double mean = (static_cast<double>(x.size()) + 1) / 2;
    double xy = 0, xx = 0, yy = 0;
    for (std::size_t i = 0; i < x.size(); i++) {
        xy += (x[i] - mean) * (y[i] - mean);
        xx += (x[i] - mean) * (x[i] - mean);
        yy += (y[i] - mean) * (y[i] - mean);
    }
    if (xx == 0 || yy == 0) return std::nullopt;
    return xy / std::sqrt(xx * yy);
}

} // namespace soup::processors
