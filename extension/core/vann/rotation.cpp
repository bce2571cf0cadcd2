// A round is: signs, then a Hadamard transform of a power of two's worth of coordinates, scaled to be
// orthonormal. Where there are more coordinates than that, rounds take the first and the last ones in turn,
// so that two rounds transform each coordinate at least once, and after each two rounds the two halves (x, y)
// are replaced by (x + y, x - y) / √2. Mixing after every round is worse: what the first transform left out
// would be moved to where the second leaves it out again. Scales are folded into the signs' factors.
#include "core/vann/rotation.hpp"

#include <bit>
#include <cmath>

namespace soup::vann {
namespace {

constexpr unsigned rounds = 4;

/// splitmix64 (Steele, Lea, Flood 2014): a stream of well-mixed numbers from any seed.
std::uint64_t next_random(std::uint64_t& state) noexcept {
    std::uint64_t z = state += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

/// Replaces (a, b) by (a + b, a - b), `n` a multiple of 4.
inline void butterfly(float* a, float* b, unsigned n) noexcept {
    for (unsigned i = 0; i < n; i += 4) {
        float left[4], right[4];
        for (unsigned j = 0; j < 4; ++j) {
            left[j] = a[i + j] + b[i + j];
            right[j] = a[i + j] - b[i + j];
        }
        for (unsigned j = 0; j < 4; ++j) {
            a[i + j] = left[j];
            b[i + j] = right[j];
        }
    }
}

/// Two stages of butterflies over four lanes' worth of one register each.
inline void transform_four(float* x) noexcept {
    const float a = x[0] + x[1], b = x[0] - x[1], c = x[2] + x[3], d = x[2] - x[3];
    x[0] = a + c;
    x[1] = b + d;
    x[2] = a - c;
    x[3] = b - d;
}

/// Unscaled Hadamard transform of n = 2^k ≥ 16 floats.
void transform(float* x, unsigned n) noexcept {
    for (unsigned i = 0; i < n; i += 4)
        transform_four(x + i);
    for (unsigned half = 4; half < n; half *= 2)
        for (unsigned i = 0; i < n; i += 2 * half)
            butterfly(x + i, x + i + half, half);
}

} // namespace

Rotation::Rotation(unsigned padded, std::uint64_t seed)
    : padded_(padded), rounds_(padded < 16 ? 0 : rounds), transformed_(std::bit_floor(padded)),
      factors_(std::size_t{rounds_} * padded) {
    const float scale = static_cast<float>(1 / std::sqrt(static_cast<double>(transformed_)));
    const float mixed = static_cast<float>(std::sqrt(0.5));
    for (unsigned round = 0; round < rounds_; ++round) {
        const unsigned first = round % 2 == 0 ? 0 : padded_ - transformed_;
        std::uint64_t bits = 0;
        for (unsigned i = 0; i < padded_; ++i, bits >>= 1) {
            if (i % 64 == 0) bits = next_random(seed);
            const bool is_transformed = i >= first && i < first + transformed_;
            float factor = is_transformed ? scale : 1;
            if (is_mixed(round)) factor *= mixed;
            factors_[std::size_t{round} * padded_ + i] = (bits & 1) != 0 ? factor : -factor;
        }
    }
}

void Rotation::apply(float* point) const noexcept {
    for (unsigned round = 0; round < rounds_; ++round) {
        const float* factors = factors_.data() + std::size_t{round} * padded_;
        for (unsigned i = 0; i < padded_; i += 16)
            for (unsigned j = 0; j < 16; ++j)
                point[i + j] *= factors[i + j];
        transform(round % 2 == 0 ? point : point + (padded_ - transformed_), transformed_);
        if (is_mixed(round)) butterfly(point, point + padded_ / 2, padded_ / 2);
    }
}

} // namespace soup::vann
