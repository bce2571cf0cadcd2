// The attributes that window_convolution can give, by name:
//   score                          distance to the fit windows, 1 = ordinary (window_model.hpp)
//   mean, std, min, max, last      of the first channel over the window, in the channel's own unit
//   mean_<channel>, std_<channel>… of the channel named
// Any subset may be declared, as real or double. Numbers are those of the window's cells as kept: 24
// significant bits relative to the channel's deviation, held within a million deviations.
#pragma once

#include "core/manifest/manifest.hpp"
#include "core/processors/processor.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace soup::processors {

struct WindowAttribute {
    enum class Kind : std::uint8_t { score, mean, std, min, max, last };
    Kind kind = Kind::score;
    std::size_t channel = 0;
};

/// Nothing for a name that isn't in the list above.
std::optional<WindowAttribute> find_window_attribute(std::string_view name,
                                                     const std::vector<std::string>& channels);

/// Of a window's standardised rows; `mean` and `scale` are the channel's. Not for Kind::score.
double window_statistic(const WindowAttribute& attribute, std::span<const float> rows, std::size_t channels,
                        double mean, double scale);

} // namespace soup::processors
