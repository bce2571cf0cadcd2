// Fitting of window_convolution; what is learnt, and why, stands in window_model.hpp.
#pragma once

#include "core/processors/window_model.hpp"

#include <cstdint>
#include <vector>

namespace soup::processors {

/// The first windows of the fit partition, in the order of their last offsets.
struct FitWindows {
    struct Place {
        std::uint64_t stream_serial, first_row;
    };
    std::vector<double> cells; ///< [window][row][channel], as the records gave them.
    std::vector<Place> places; ///< Of each window: windows of one stream may share rows.
};

WindowModel fit_window_model(const WindowModelShape& shape, const FitWindows& fit);

} // namespace soup::processors
