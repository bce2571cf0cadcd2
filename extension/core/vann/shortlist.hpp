// The few nearest of many centroids: first by a sketch of the distance, then those that look nearest in full.
#pragma once

#include "core/simd/kernel.hpp"

#include <array>
#include <limits>
#include <span>
#include <vector>

namespace soup::vann {

/// Rows are rotated, so their first coordinates say nearly everything about distances: within a tenth, with
/// this many. Of many centroids only the few that look nearest by these are measured in full.
inline constexpr std::size_t sketch_dims = 192;
inline constexpr std::size_t looked_at_closely = 6;

inline bool is_sketched(std::size_t dimensions) noexcept {
    return dimensions >= 2 * sketch_dims;
}

/// Distances from a point to some rows, by what a sketch sees of them, on the scale of all dimensions. They
/// lie in `scratch`.
std::span<const float> sketched_distances(const float* point, const simd::RowList& rows,
                                          std::size_t dimensions, std::vector<float>& scratch);

/// The nearest of those that were offered, nearest first.
class Shortlist {
public:
    static constexpr std::size_t room = 12;

    struct Entry {
        float distance;
        std::uint32_t number;
    };
    /// `most` is `room` at most.
    explicit Shortlist(std::size_t most) : most_(most) {}
    void offer(float distance, std::uint32_t number) {
        if (distance >= limit()) return;
        std::size_t at = count_ < most_ ? count_++ : most_ - 1;
        for (; at > 0 && entries_[at - 1].distance > distance; at--)
            entries_[at] = entries_[at - 1];
        entries_[at] = {distance, number};
    }
    /// What is not nearer is not taken.
    float limit() const noexcept {
        return count_ < most_ ? std::numeric_limits<float>::infinity() : entries_[most_ - 1].distance;
    }
    std::span<const Entry> entries() const { return {entries_.data(), count_}; }

private:
    std::array<Entry, room> entries_;
    std::size_t most_, count_ = 0;
};

} // namespace soup::vann
