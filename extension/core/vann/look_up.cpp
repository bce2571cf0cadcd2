// A group's sixteen sums lie between -Σ|q| and Σ|q| of its four coordinates; one step for all groups, so that
// whole numbers of different groups add up. The table is doubled coordinate by coordinate: setting a sign to
// + adds twice the coordinate.
#include "core/vann/look_up.hpp"

#include <algorithm>
#include <cmath>

namespace soup::vann {
namespace {

constexpr float fine_entry_max = 16383; // Two planes of seven bits.

} // namespace

LookUp::LookUp(unsigned n) : n_(n), high_(std::size_t{n} * 4), low_(std::size_t{n} * 4) {}

void LookUp::prepare(const float* point) noexcept {
    const unsigned groups = n_ / 4;
    float span = 0, total = 0;
    for (unsigned group = 0; group < groups; ++group) {
        const float* q = point + group * 4;
        const float sum = (std::abs(q[0]) + std::abs(q[1])) + (std::abs(q[2]) + std::abs(q[3]));
        span = std::max(span, sum);
        total += sum;
    }
    span *= 2;
    const float steps = span > 1e-30F ? fine_entry_max / span : 0;
    for (unsigned group = 0; group < groups; ++group) {
        const float* q = point + group * 4;
        float sums[16];
        // Entry 0, all signs -, is the lowest: 0 steps. A half is added once, for rounding by truncation.
        sums[0] =
            (std::abs(q[0]) + std::abs(q[1]) + std::abs(q[2]) + std::abs(q[3]) - q[0] - q[1] - q[2] - q[3]) *
                steps +
            0.5F;
        for (unsigned bit = 0; bit < 4; ++bit) {
            const float change = 2 * q[bit] * steps;
            for (unsigned i = 0; i < 1U << bit; ++i)
                sums[(1U << bit) + i] = sums[i] + change;
        }
        constexpr unsigned place[4] = {0, 2, 1, 3};
        const std::size_t at = std::size_t{group / 4} * 64 + place[group % 4] * 16;
        for (unsigned i = 0; i < 16; ++i) {
            const auto whole = static_cast<std::int32_t>(std::clamp(sums[i], 0.0F, fine_entry_max));
            high_[at + i] = static_cast<std::uint8_t>(whole >> 7);
            low_[at + i] = static_cast<std::uint8_t>(whole & 127);
        }
    }
    step_ = span / fine_entry_max;
    fine_offset_ = -total;
    // What the low plane would add, on average.
    coarse_offset_ = fine_offset_ + 63.5F * step_ * static_cast<float>(groups);
    coarse_variance_ = static_cast<float>(groups) * coarse_step() * coarse_step() / 12;
}

} // namespace soup::vann
