// One query's point in whole numbers of 16 bits: what inner pages' 8-bit codes are multiplied with, twice as
// many at a time as floats. Rounding is a hundredth of the codes' own, too little to change which pages are
// near; a leaf's codes, which decide about the order of rows, are multiplied with the point itself.
#pragma once

#include <cstdint>
#include <vector>

namespace soup::vann {

class WholePoint {
public:
    /// `n` is a multiple of 8.
    explicit WholePoint(unsigned n) : numbers_(n) {}
    void prepare(const float* point) noexcept;

    const std::int16_t* numbers() const noexcept { return numbers_.data(); }
    float step() const noexcept { return step_; }

private:
    std::vector<std::int16_t> numbers_;
    float step_ = 0;
};

} // namespace soup::vann
