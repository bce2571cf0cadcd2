// One query's table: for every four coordinates, the sums of their sixteen signs, in whole numbers.
//
// A sum takes two planes of seven bits: the high one alone scores a page coarsely, both score it finely. With
// entries of at most 127 the two halves of a code's byte add up within a byte, and 512 groups of four within
// 16 bits, which is why leaves see 2,048 coordinates at most. The coarse table's error does not shrink with
// the distance, so where a query is much nearer to a page's centroid than to the origin, the fine one is
// needed: see score.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace soup::vann {

class LookUp {
public:
    /// `n` is a multiple of 16.
    explicit LookUp(unsigned n);
    void prepare(const float* point) noexcept;

    // In the order in which a wide register takes them: of each four groups the first, the third, the second,
    // the fourth.
    const std::uint8_t* high() const noexcept { return high_.data(); }
    const std::uint8_t* low() const noexcept { return low_.data(); }

    /// ⟨s,q⟩ = offset + step · sum, from sums of the high plane, or of 128 · high + low.
    float coarse_step() const noexcept { return step_ * 128; }
    float coarse_offset() const noexcept { return coarse_offset_; }
    float fine_step() const noexcept { return step_; }
    float fine_offset() const noexcept { return fine_offset_; }
    /// The expected square of a coarse sum's error.
    float coarse_variance() const noexcept { return coarse_variance_; }

private:
    unsigned n_;
    std::vector<std::uint8_t> high_, low_;
    float step_ = 0, coarse_offset_ = 0, fine_offset_ = 0, coarse_variance_ = 0;
};

} // namespace soup::vann
