// A group's sixteen sums lie between -Σ|q| and Σ|q| of its four coordinates; one step for all groups, so that
// whole numbers of different groups add up.
#include "core/vann/look_up.hpp"

#include "core/simd/dispatch.hpp"

#include <algorithm>
#include <cmath>

namespace soup::vann {
namespace {

constexpr float fine_entry_max = 16380; // Two planes of seven bits, less four halves for rounding.

} // namespace

LookUp::LookUp(unsigned n) : n_(n), high_(std::size_t{n} * 4), low_(std::size_t{n} * 4) {}

void LookUp::prepare(const float* point) noexcept {
    const unsigned groups = n_ / 4;
    float span = 0, total = 0;
    for (unsigned group = 0; group < groups; ++group) {
        const float* q = point + std::size_t{group} * 4;
        const float sum = (std::abs(q[0]) + std::abs(q[1])) + (std::abs(q[2]) + std::abs(q[3]));
        span = std::max(span, sum);
        total += sum;
    }
    span *= 2;
    const float steps = span > 1e-30F ? fine_entry_max / span : 0;
    simd::kernels().codes.fill_tables(point, groups, steps, high_.data(), low_.data());
    step_ = span / fine_entry_max;
    fine_offset_ = -total;
    // What the low plane would add, on average.
    coarse_offset_ = fine_offset_ + 63.5F * step_ * static_cast<float>(groups);
    coarse_variance_ = static_cast<float>(groups) * coarse_step() * coarse_step() / 12;
}

} // namespace soup::vann
