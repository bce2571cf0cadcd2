// See window_features.hpp.
#include "core/processors/window_features.hpp"

#include <cmath>

namespace soup::processors {

WindowFeatures::WindowFeatures(const WindowShape& shape, std::vector<BankSlot> slots,
                               std::vector<float> biases)
    : shape_(shape), bank_(shape.window, shape.stride, shape.channels, std::move(slots), std::move(biases)) {}

void WindowFeatures::measure(std::span<const Segment> segments, std::vector<float>& features) {
    std::size_t window_count = 0;
    for (const Segment& segment : segments)
        window_count += segment.windows;
    features.resize(window_count * size());
    bank_.count(segments, features.data(), size());
    float* to = features.data() + bank_size();
    for (const Segment& segment : segments)
        for (std::size_t w = 0; w < segment.windows; w++, to += size())
            measure_levels(segment.rows.data() + w * shape_.stride * shape_.channels, to);
}

/// Level and spread of each channel over one window, in one fixed order of additions.
void WindowFeatures::measure_levels(const float* rows, float* levels) {
    const std::size_t channels = shape_.channels;
    const auto count = static_cast<float>(shape_.window);
    const auto over_window = [&](auto&& term) {
        sums_.assign(channels, 0.0F);
        for (std::size_t row = 0; row < shape_.window; row++)
            for (std::size_t c = 0; c < channels; c++)
                sums_[c] += term(rows[row * channels + c], c);
    };
    over_window([](float cell, std::size_t) { return cell; });
    for (std::size_t c = 0; c < channels; c++)
        levels[2 * c] = sums_[c] / count;
    over_window([&](float cell, std::size_t c) {
        const float deviation = cell - levels[2 * c];
        return deviation * deviation;
    });
    for (std::size_t c = 0; c < channels; c++)
        levels[2 * c + 1] = std::sqrt(sums_[c] / count);
}

} // namespace soup::processors
