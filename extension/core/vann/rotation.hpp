// A random rotation that costs O(D log D): signs, then fast Hadamard transforms.
//
// Codes of one bit a coordinate say as much about every vector only if no direction is special, so every
// vector is rotated first. A dimension that is no power of two is covered by transforms of the first and of
// the last 2^k coordinates in turn, each followed by a step that mixes the two halves (after Kac's walk, as
// the RaBitQ library does). Every step is orthonormal, so distances stay as they are. All arithmetic is
// element by element: the result is the same on every machine.
#pragma once

#include <cstdint>
#include <vector>

namespace soup::vann {

class Rotation {
public:
    /// `padded` is 8, which is not rotated at all, or a multiple of 16.
    Rotation(unsigned padded, std::uint64_t seed);

    unsigned padded() const noexcept { return padded_; }
    /// In place; `point` has padded() floats.
    void apply(float* point) const noexcept;

private:
    bool is_mixed(unsigned round) const noexcept { return transformed_ != padded_ && round % 2 == 1; }

    unsigned padded_, rounds_, transformed_; ///< transformed_: the largest power of two within padded_.
    std::vector<float> factors_;             ///< Per round and coordinate: a sign times the round's scale.
};

} // namespace soup::vann
