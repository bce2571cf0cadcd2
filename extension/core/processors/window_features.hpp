// What is measured of a window before any reduction: the bank's counts, then level and spread of each
// channel.
//
// Kernels sum to 0, so they are blind to a window's level, and a count of exceedances saturates with
// amplitude. Level (mean) and spread (standard deviation) say just that: two more features a channel.
#pragma once

#include "core/processors/dilated_kernels.hpp"
#include "core/processors/window_assembler.hpp"

#include <span>
#include <vector>

namespace soup::processors {

inline constexpr std::size_t features_per_channel = 2;
inline constexpr std::size_t features_max = 1000;

class WindowFeatures {
public:
    WindowFeatures(const WindowShape& shape, std::vector<BankSlot> slots, std::vector<float> biases);

    std::size_t bank_size() const { return bank_.features(); }
    std::size_t size() const { return bank_.features() + features_per_channel * shape_.channels; }
    /// features[w * size() + f] for the windows of all segments, in order.
    void measure(std::span<const Segment> segments, std::vector<float>& features);

private:
    void measure_levels(const float* rows, float* levels);

    WindowShape shape_;
    KernelBank bank_;
    std::vector<float> sums_;
};

} // namespace soup::processors
