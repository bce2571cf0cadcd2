// The least of many numbers, of which few are wanted: a bound that shrinks while they are read, so that
// nearly all of them are passed over eight or sixteen at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace soup::vann {

/// Where the `wanted` least end: all below `below`, and `equal` of those that are equal to it. +infinity is
/// never among them.
struct Bound {
    float below = std::numeric_limits<float>::infinity();
    std::size_t equal = 0;

    /// To be asked for every number in order.
    bool takes(float number) noexcept {
        if (number < below) return true;
        if (!(number == below) || equal == 0) return false;
        --equal;
        return true;
    }
    /// select_below() with this leaves out what takes() never takes.
    float limit() const noexcept;
};

class Least {
public:
    /// The size is a multiple of 16.
    Bound find(std::span<const float> numbers, std::size_t wanted);

private:
    static constexpr std::size_t read_at_once = 64;

    std::vector<float> least_;
    std::uint16_t places_[read_at_once];
};

} // namespace soup::vann
