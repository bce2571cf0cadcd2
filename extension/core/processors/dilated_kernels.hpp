// The convolution bank of window_convolution: the MiniRocket family (Dempster, Schmidt, Webb 2021).
//
// 84 kernels of length 9, all those with three weights 2 and six weights −1, in several dilations. A feature
// is the proportion of a window's outputs that are above a bias (PPV); biases are quantiles of the outputs
// seen in the fit windows. Three things differ from the paper, each for a reason:
// - No padding: a kernel's outputs then depend on the stream alone and not on where a window begins, so
// windows
//   that overlap share them. At window 96, stride 16 that is a sixth of the work.
// - Several channels: one signed sum of a few standardised channels per dilation slot instead of per kernel,
// so
//   that the 84 kernels of a slot share their partial sums. Every channel is in some slot.
// - Counts instead of proportions: the division by the number of outputs is part of the projection that
// follows.
//
// Layout. Windows of one stream that follow each other are one *segment* of rows. With H = min(stride,
// window) the rows are laid out transposed: row r of a segment stands in line r mod H, column first_column +
// r / H. Four (or eight) neighbouring columns are one vector operation, so there are no tails and no
// horizontal sums whatever stride and window are: output p of a window is counted in the column in which p
// begins, and a window's count is the sum of q whole columns and the first r lines of one more, q = outputs /
// H, r = outputs mod H.
//
// Every output is the same sequence of float operations wherever it stands, and counts are integers: results
// don't depend on how windows were grouped.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace soup::processors {

inline constexpr std::size_t kernel_length = 9;
inline constexpr std::size_t kernel_count = 84;

/// The places of the weights 2 in each kernel, in lexicographic order.
const std::array<std::array<std::uint8_t, 3>, kernel_count>& kernel_places();

/// One dilation over one mixture of channels, with `biases_per_kernel` features for each of the 84 kernels.
struct BankSlot {
    std::size_t dilation = 1;
    std::size_t biases_per_kernel = 1;
    std::size_t first_feature = 0; ///< Its features: [kernel][bias], from here.
    std::vector<std::uint32_t> channels;
    std::vector<float> signs; ///< +1 or −1 for each of `channels`.

    std::size_t outputs(std::size_t window) const { return window - (kernel_length - 1) * dilation; }
    std::size_t features() const { return kernel_count * biases_per_kernel; }
};

/// The slots for a window, a pure function of its arguments. `features` is rounded down to a multiple of 84.
/// Needs window ≥ 9 and features ≥ 84.
std::vector<BankSlot> plan_bank(std::size_t window, std::size_t channels, std::size_t features);

/// Outputs of one kernel over rows of a mixture, in the bank's own arithmetic: for fitting and tests.
void kernel_outputs(std::span<const float> mixed, std::size_t dilation, std::size_t kernel,
                    std::vector<float>& outputs);
/// The signed sum of a slot's channels for `count` rows of `channel_count` cells.
void mix_channels(const BankSlot& slot, std::size_t channel_count, const float* rows, std::size_t count,
                  float* mixed);

/// Rows of one stream: `windows` windows, each `stride` rows after the one before.
struct Segment {
    std::vector<float> rows; ///< [row][channel], standardised.
    std::size_t windows = 0;
};

/// Counts, for every window of a group of segments, the outputs above each bias.
class KernelBank {
public:
    KernelBank(std::size_t window, std::size_t stride, std::size_t channels, std::vector<BankSlot> slots,
               std::vector<float> biases);

    std::size_t features() const { return biases_.size(); }
    /// counts[w * row_length + f], windows in the order of the segments; counts are whole numbers.
    void count(std::span<const Segment> segments, float* counts, std::size_t row_length);

private:
    void place(std::span<const Segment> segments);
    void mix(std::span<const Segment> segments, const BankSlot& slot);
    void gather(const BankSlot& slot, std::size_t column, std::size_t first_line, std::size_t lines);
    template<std::size_t Biases>
    void count_kernels(const BankSlot& slot, std::size_t first_bias, std::size_t column, std::size_t lines,
                       std::int32_t* counts);
    void count_lines(const BankSlot& slot, std::size_t first_line, std::size_t last_line,
                     std::vector<std::int32_t>& counts);
    void sum_columns(const BankSlot& slot, std::size_t whole, float* counts, std::size_t row_length);

    std::size_t window_, channels_;
    std::size_t height_; ///< Lines: min(stride, window).
    std::vector<BankSlot> slots_;
    std::vector<float> biases_;

    // Working space, kept between calls.
    std::vector<std::size_t> first_columns_;  ///< Of each segment.
    std::vector<std::size_t> window_columns_; ///< Of each window.
    std::size_t columns_ = 0;                 ///< Without the zero columns at the right.
    std::size_t line_length_ = 0;             ///< With them.
    std::vector<float> mixed_, lines_;
    std::vector<float> weighted_, base_,
        pair_; ///< One group of columns: 3z at the nine places, −Σz, partial sum.
    std::vector<std::int32_t> head_,
        tail_; ///< [feature][column]: counts of a column's first lines, of its others.
    std::vector<std::int32_t> prefix_;
};

} // namespace soup::processors
