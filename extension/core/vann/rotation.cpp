// A round is: signs, then a Hadamard transform of a power of two's worth of coordinates, scaled to be
// orthonormal. Where there are more coordinates than that, rounds take the first and the last ones in turn,
// so that two rounds transform each coordinate at least once, and after each two rounds the two halves (x, y)
// are replaced by (x + y, x - y) / √2. Mixing after every round is worse: what the first transform left out
// would be moved to where the second leaves it out again. Scales are folded into the signs' factors.
#include "core/vann/rotation.hpp"

#include "core/simd/dispatch.hpp"

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
        simd::kernels().codes.hadamard(round % 2 == 0 ? point : point + (padded_ - transformed_),
                                       transformed_);
        if (!is_mixed(round)) continue;
        float* other = point + padded_ / 2;
        for (unsigned i = 0; i < padded_ / 2; i += 8)
            for (unsigned j = i; j < i + 8; ++j) {
                const float x = point[j], y = other[j];
                point[j] = x + y;
                other[j] = x - y;
            }
    }
}

} // namespace soup::vann
