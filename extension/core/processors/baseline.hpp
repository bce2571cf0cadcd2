// The plain baseline beside which a score is printed, by the demo and by the evaluation on public data: how
// far a value is from the moving average before it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace soup::processors {

inline constexpr std::size_t baseline_rows = 96, baseline_rows_least = 10;

/// |x − mean of the previous 96| / their standard deviation, averaged over channels. At the beginning of a
/// recording the average is over as many rows as there are; 0 for the first 10.
inline std::vector<double> moving_average_residuals(std::span<const double> cells, std::size_t channels) {
    const std::size_t rows = cells.size() / channels;
    std::vector<double> residuals(rows, 0.0);
    for (std::size_t row = baseline_rows_least; row < rows; row++) {
        const std::size_t past = std::min(row, baseline_rows);
        for (std::size_t c = 0; c < channels; c++) {
            double mean = 0, squares = 0;
            for (std::size_t before = 1; before <= past; before++)
                mean += cells[(row - before) * channels + c] / static_cast<double>(past);
            for (std::size_t before = 1; before <= past; before++) {
                const double deviation = cells[(row - before) * channels + c] - mean;
                squares += deviation * deviation / static_cast<double>(past);
            }
            // A constant stretch has no deviation: any change there counts as large, not as infinite.
            const double least = 1e-9 * std::max(1.0, std::abs(mean));
            residuals[row] += std::abs(cells[row * channels + c] - mean) /
                              std::max(std::sqrt(squares), least) / static_cast<double>(channels);
        }
    }
    return residuals;
}

} // namespace soup::processors
