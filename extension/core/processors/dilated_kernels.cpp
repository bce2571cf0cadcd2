// Counting the bank's outputs above their biases: the inner loops of window_convolution.
#include "core/processors/dilated_kernels.hpp"

#include "core/processors/lanes.hpp"

#include <algorithm>
#include <cstring>

namespace soup::processors {
namespace {

/// Columns that one pass of the inner loop treats: two vectors, so that their additions overlap.
constexpr std::size_t group_columns = 2 * lane_count;
/// Lines that one pass treats: nine weighted copies of this many fit the first-level cache.
constexpr std::size_t tile_lines = 64;
/// Biases that share one computation of a kernel's outputs, limited by the registers.
constexpr std::size_t biases_at_once = 3;

} // namespace

void mix_channels(const BankSlot& slot, std::size_t channel_count, const float* rows, std::size_t count,
                  float* mixed) {
    for (std::size_t row = 0; row < count; row++) {
        const float* cells = rows + row * channel_count;
        float sum = slot.signs[0] * cells[slot.channels[0]];
        for (std::size_t i = 1; i < slot.channels.size(); i++)
            sum += slot.signs[i] * cells[slot.channels[i]];
        mixed[row] = sum;
    }
}

void kernel_outputs(std::span<const float> mixed, std::size_t dilation, std::size_t kernel,
                    std::vector<float>& outputs) {
    const auto& [i, j, k] = kernel_places()[kernel];
    outputs.resize(mixed.size() - (kernel_length - 1) * dilation);
    for (std::size_t place = 0; place < outputs.size(); place++) {
        const auto at = [&](std::size_t tap) { return mixed[place + tap * dilation]; };
        float base = 0;
        for (std::size_t tap = 0; tap < kernel_length; tap++)
            base -= at(tap);
        outputs[place] = base + 3.0F * at(i) + 3.0F * at(j) + 3.0F * at(k);
    }
}

KernelBank::KernelBank(std::size_t window, std::size_t stride, std::size_t channels,
                       std::vector<BankSlot> slots, std::vector<float> biases)
    : window_(window), channels_(channels), height_(std::min(window, stride)), slots_(std::move(slots)),
      biases_(std::move(biases)) {
    weighted_.resize(kernel_length * tile_lines * group_columns);
    base_.resize(tile_lines * group_columns);
    pair_.resize(tile_lines * group_columns);
}

/// Gives every segment its columns.
void KernelBank::place(std::span<const Segment> segments) {
    first_columns_.clear();
    window_columns_.clear();
    columns_ = 0;
    for (const Segment& segment : segments) {
        first_columns_.push_back(columns_);
        for (std::size_t w = 0; w < segment.windows; w++)
            window_columns_.push_back(columns_ + w);
        columns_ += (segment.rows.size() / channels_ + height_ - 1) / height_;
    }
    columns_ = (columns_ + group_columns - 1) / group_columns * group_columns;
    const std::size_t reach = (height_ - 1 + (kernel_length - 1) * slots_.back().dilation) / height_;
    line_length_ = columns_ + std::max(reach, window_ / height_ + 1) + group_columns;
}

/// The slot's signal, laid out in lines.
void KernelBank::mix(std::span<const Segment> segments, const BankSlot& slot) {
    lines_.assign(height_ * line_length_, 0.0F);
    for (std::size_t s = 0; s < segments.size(); s++) {
        const std::size_t row_count = segments[s].rows.size() / channels_;
        mixed_.resize(row_count);
        mix_channels(slot, channels_, segments[s].rows.data(), row_count, mixed_.data());
        float* to = lines_.data() + first_columns_[s];
        for (std::size_t row = 0, line = 0; row < row_count; row++) {
            to[line * line_length_] = mixed_[row];
            if (++line == height_) line = 0, to++;
        }
    }
}

void KernelBank::gather(const BankSlot& slot, std::size_t column, std::size_t first_line, std::size_t lines) {
    const Lanes three = spread(3.0F);
    for (std::size_t l = 0; l < lines; l++) {
        Lanes base[2] = {};
        for (std::size_t tap = 0; tap < kernel_length; tap++) {
            const std::size_t row = first_line + l + tap * slot.dilation;
            const float* from = lines_.data() + row % height_ * line_length_ + column + row / height_;
            float* to = weighted_.data() + (tap * tile_lines + l) * group_columns;
            unrolled<2>([&](auto half) {
                const Lanes z = load(from + half * lane_count);
                base[half] -= z;
                store(to + half * lane_count, three * z);
            });
        }
        unrolled<2>([&](auto half) { store(&base_[l * group_columns + half * lane_count], base[half]); });
    }
}

/// Adds to counts[(kernel * biases_per_kernel + bias) * columns + column …] for Biases biases of each kernel.
template<std::size_t Biases>
void KernelBank::count_kernels(const BankSlot& slot, std::size_t first_bias, std::size_t column,
                               std::size_t lines, std::int32_t* counts) {
    const auto weighted = [&](std::size_t tap) {
        return weighted_.data() + tap * tile_lines * group_columns;
    };
    const std::size_t cells = lines * group_columns;
    std::size_t feature = first_bias; // Within the slot.
    for (std::size_t i = 0; i < kernel_length; i++)
        for (std::size_t j = i + 1; j + 1 < kernel_length; j++) {
            const float *at_i = weighted(i), *at_j = weighted(j);
            for (std::size_t c = 0; c < cells; c += lane_count)
                store(&pair_[c], load(&base_[c]) + load(at_i + c) + load(at_j + c));
            for (std::size_t k = j + 1; k < kernel_length; k++, feature += slot.biases_per_kernel) {
                const float* at_k = weighted(k);
                Lanes bias[Biases] = {};
                Counts low[Biases] = {}, high[Biases] = {};
                unrolled<Biases>(
                    [&](auto b) { bias[b] = spread(biases_[slot.first_feature + feature + b]); });
                for (std::size_t c = 0; c < cells; c += group_columns) {
                    const Lanes output_low = load(&pair_[c]) + load(at_k + c);
                    const Lanes output_high = load(&pair_[c + lane_count]) + load(at_k + c + lane_count);
                    unrolled<Biases>([&](auto b) {
                        low[b] -= output_low > bias[b]; // A true comparison is −1.
                        high[b] -= output_high > bias[b];
                    });
                }
                unrolled<Biases>([&](auto b) {
                    std::int32_t* to = counts + (feature + b) * columns_ + column;
                    store(to, load(to) + low[b]);
                    store(to + lane_count, load(to + lane_count) + high[b]);
                });
            }
        }
}

/// Counts of lines [first_line, last_line) of all columns, for every feature of the slot.
void KernelBank::count_lines(const BankSlot& slot, std::size_t first_line, std::size_t last_line,
                             std::vector<std::int32_t>& counts) {
    counts.assign(slot.features() * columns_, 0);
    for (std::size_t line = first_line; line < last_line; line += tile_lines) {
        const std::size_t lines = std::min(tile_lines, last_line - line);
        for (std::size_t column = 0; column < columns_; column += group_columns) {
            gather(slot, column, line, lines);
            for (std::size_t bias = 0; bias < slot.biases_per_kernel; bias += biases_at_once) {
                switch (std::min(biases_at_once, slot.biases_per_kernel - bias)) {
                case 1:
                    count_kernels<1>(slot, bias, column, lines, counts.data());
                    break;
                case 2:
                    count_kernels<2>(slot, bias, column, lines, counts.data());
                    break;
                default:
                    count_kernels<3>(slot, bias, column, lines, counts.data());
                }
            }
        }
    }
}

/// A window's count: `whole` columns from its own on, and the first lines of one more.
void KernelBank::sum_columns(const BankSlot& slot, std::size_t whole, float* counts, std::size_t row_length) {
    prefix_.resize(columns_ + 1);
    for (std::size_t f = 0; f < slot.features(); f++) {
        const std::int32_t* head = head_.data() + f * columns_;
        float* to = counts + slot.first_feature + f;
        if (whole == 0) {
            for (std::size_t w = 0; w < window_columns_.size(); w++)
                to[w * row_length] = static_cast<float>(head[window_columns_[w]]);
            continue;
        }
        const std::int32_t* tail = tail_.data() + f * columns_;
        for (std::size_t c = 0; c < columns_; c++)
            prefix_[c + 1] = prefix_[c] + head[c] + tail[c];
        for (std::size_t w = 0; w < window_columns_.size(); w++) {
            const std::size_t first = window_columns_[w], last = first + whole;
            const std::int32_t rest = last < columns_ ? head[last] : 0;
            to[w * row_length] = static_cast<float>(prefix_[last] - prefix_[first] + rest);
        }
    }
}

void KernelBank::count(std::span<const Segment> segments, float* counts, std::size_t row_length) {
    place(segments);
    for (const BankSlot& slot : slots_) {
        mix(segments, slot);
        const std::size_t whole = slot.outputs(window_) / height_, rest = slot.outputs(window_) % height_;
        count_lines(slot, 0, rest, head_);
        if (whole > 0) count_lines(slot, rest, height_, tail_);
        sum_columns(slot, whole, counts, row_length);
    }
}

} // namespace soup::processors
