// What a scan looks for: the points that lie in a box and in any number of balls, borders included. Without
// either, all points.
#pragma once

#include "core/vtree/layout.hpp"

#include <optional>
#include <vector>

namespace soup::vtree {

/// Σ (point - centre)² in double, dimension by dimension: what decides whether a point lies in a ball, in the
/// operator as on the pages.
double squared_distance(const float* a, const float* b, unsigned dimensions) noexcept;

class Region {
public:
    explicit Region(unsigned dimensions) : dimensions_(dimensions) {}

    /// Keeps only what lies also in this box, this ball. lower <= upper in each dimension, radius >= 0.
    void keep_box(const float* lower, const float* upper);
    void keep_ball(const float* centre, double radius);
    /// Keeps no point at all.
    void keep_nothing() noexcept { is_nothing_ = true; }

    bool is_nothing() const noexcept { return is_nothing_; }
    bool is_everything() const noexcept { return !is_nothing_ && lower_.empty() && balls_.empty(); }

    /// Which of a leaf's points lie in the region.
    void find_points(const simd::PointColumns& points, std::uint64_t* inside) const noexcept;
    /// Which boxes may have points of the region (never too few), which have no others (never too many).
    void find_boxes(const simd::BoxColumns& boxes, std::uint64_t* meet, std::uint64_t* within) const noexcept;

private:
    struct Ball {
        std::vector<float> centre;
        double radius_squared;
    };

    unsigned dimensions_;
    bool is_nothing_ = false;
    std::vector<float> lower_, upper_; ///< Empty: no box.
    std::vector<Ball> balls_;
};

/// Sets the first bits, and clears the rest of the last word.
inline void set_bits(std::uint64_t* mask, unsigned count) noexcept {
    for (unsigned first = 0; first < count; first += 64)
        mask[first / 64] =
            count - first >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << (count - first)) - 1;
}

inline bool has_bits(const std::uint64_t* mask, unsigned count) noexcept {
    std::uint64_t any = 0;
    for (unsigned word = 0; word < (count + 63) / 64; ++word)
        any |= mask[word];
    return any != 0;
}

/// Calls visit(slot) for every bit that is set.
template<class Visit>
void for_each_bit(const std::uint64_t* mask, unsigned count, Visit&& visit) {
    for (unsigned first = 0; first < count; first += 64)
        for (std::uint64_t word = mask[first / 64]; word != 0; word &= word - 1)
            visit(first + static_cast<unsigned>(__builtin_ctzll(word)));
}

} // namespace soup::vtree
