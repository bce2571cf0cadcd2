// A fixed sequence of numbers where a method asks for random ones: the same on every machine and in every
// run.
#pragma once

#include <cstdint>

namespace soup::processors {

/// SplitMix64 (Steele, Lea, Flood 2014). The seed is part of the method, not a parameter.
class FixedSequence {
public:
    explicit constexpr FixedSequence(std::uint64_t seed) : state_(seed) {}
    constexpr std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15ULL;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }
    /// A number below `bound`; the bias of the remainder is of no account for small bounds.
    constexpr std::uint64_t below(std::uint64_t bound) { return next() % bound; }

private:
    std::uint64_t state_;
};

} // namespace soup::processors
