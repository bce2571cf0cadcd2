// See projection.hpp.
#include "core/processors/projection.hpp"

#include "core/processors/lanes.hpp"

#include <algorithm>

namespace soup::processors {

Projection::Projection(const Reduction& reduction)
    : mean_(reduction.mean), factor_(reduction.factor), padded_(padded(reduction.dimensions())) {
    const std::size_t features = reduction.features(), dimensions = reduction.dimensions();
    axes_.resize(features * padded_);
    for (std::size_t f = 0; f < features; f++)
        for (std::size_t d = 0; d < dimensions; d++)
            axes_[(d / padding * features + f) * padding + d % padding] = reduction.axes[f * dimensions + d];
    standardised_.resize(features);
}

void Projection::project(const float* features, Coordinates& to) {
    const std::size_t count = mean_.size();
    float squared = 0;
    for (std::size_t f = 0; f < count; f++) {
        const float value = (features[f] - mean_[f]) * factor_[f];
        standardised_[f] = value;
        squared += value * value;
    }
    to.values.resize(padded_);
    // Eight sums at once: as many as hide the latency of an addition.
    constexpr std::size_t sum_count = padding / lane_count;
    const float* axes = axes_.data();
    for (std::size_t d = 0; d < padded_; d += padding) {
        Lanes sums[sum_count] = {};
        for (std::size_t f = 0; f < count; f++, axes += padding) {
            const Lanes value = spread(standardised_[f]);
            for (std::size_t l = 0; l < sum_count; l++)
                sums[l] += value * load(axes + l * lane_count);
        }
        for (std::size_t l = 0; l < sum_count; l++)
            store(to.values.data() + d + l * lane_count, sums[l]);
    }
    float held = 0;
    for (const float coordinate : to.values)
        held += coordinate * coordinate;
    to.left_over = std::max(0.0F, squared - held);
}

} // namespace soup::processors
