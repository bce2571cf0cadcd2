// See projection.hpp.
#include "core/processors/projection.hpp"

#include "core/processors/lanes.hpp"

#include <algorithm>

namespace soup::processors {

namespace {

/// Of whole vectors, in four sums side by side.
float squared_length(const std::vector<float>& row) {
    Lanes sums = {};
    for (std::size_t i = 0; i < row.size(); i += lane_count)
        sums += load(&row[i]) * load(&row[i]);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

} // namespace

Projection::Projection(const Reduction& reduction)
    : mean_(reduction.mean), factor_(reduction.factor), padded_(padded(reduction.dimensions())) {
    const std::size_t features = reduction.features(), dimensions = reduction.dimensions();
    axes_.resize(features * padded_);
    for (std::size_t f = 0; f < features; f++)
        for (std::size_t d = 0; d < dimensions; d++)
            axes_[(d / padding * features + f) * padding + d % padding] = reduction.axes[f * dimensions + d];
    standardised_.resize((features + lane_count - 1) / lane_count * lane_count); // The last ones stay 0.
}

void Projection::project(const float* features, Coordinates& to) {
    const std::size_t count = mean_.size();
    for (std::size_t f = 0; f < count; f++)
        standardised_[f] = (features[f] - mean_[f]) * factor_[f];
    to.values.resize(padded_);
    // Eight sums at once: as many as hide the latency of an addition.
    constexpr std::size_t sum_count = padding / lane_count;
    const float* axes = axes_.data();
    for (std::size_t d = 0; d < padded_; d += padding) {
        Lanes sums[sum_count] = {};
        for (std::size_t f = 0; f < count; f++, axes += padding) {
            const Lanes value = spread(standardised_[f]);
            unrolled<sum_count>([&](auto l) { sums[l] += value * load(axes + l * lane_count); });
        }
        unrolled<sum_count>([&](auto l) { store(to.values.data() + d + l * lane_count, sums[l]); });
    }
    to.left_over = std::max(0.0F, squared_length(standardised_) - squared_length(to.values));
}

} // namespace soup::processors
