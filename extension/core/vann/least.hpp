// The least of many numbers, of which few are wanted: a bound from the minima of columns, below which little
// more than those is left, so that nearly all of them are passed over eight or sixteen at a time.
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

/// Which of many numbers are below a limit. Their number is a multiple of 16.
class Below {
public:
    /// visit(place, number), in order; it may change the number.
    template<class Visit>
    void visit(std::span<const float> numbers, float limit, Visit&& visit) {
        for (std::size_t first = 0; first < numbers.size(); first += at_once) {
            const std::size_t found = read(numbers, first, limit, numbers_);
            for (std::size_t i = 0; i < found; ++i)
                visit(first + places_[i], numbers_[i]);
        }
    }
    std::size_t count(std::span<const float> numbers, float limit);
    /// Copies them to the beginning of `into`, which grows if it has to; returns how many.
    std::size_t copy(std::span<const float> numbers, float limit, std::vector<float>& into);

private:
    static constexpr std::size_t at_once = 1024;
    std::size_t read(std::span<const float> numbers, std::size_t first, float limit, float* into);

    std::uint16_t places_[at_once];
    float numbers_[at_once];
};

class Least {
public:
    /// The size is a multiple of 16.
    Bound find(std::span<const float> numbers, std::size_t wanted);

private:
    Below below_;
    std::vector<float> minima_, least_;
};

} // namespace soup::vann
