// BLAKE2bp: four BLAKE2b side by side over every fourth block of 128 bytes, and one more over their digests
// (RFC 7693's functions, the tree of the BLAKE2 paper). One core computes the four in the lanes of its vector
// registers, in less than half of the time of one BLAKE2b over the same bytes. libsodium has no such mode.
#pragma once

#include "core/crypto/digest.hpp"

namespace soup::crypto {

/// What runs the four leaves over whole stripes, the bytes of which there is a block for each leaf.
struct StripeRunner {
    /// Word by word, the four leaves beside each other.
    using States = std::array<std::array<std::uint64_t, 4>, 8>;
    static constexpr std::size_t stripe_bytes = 512;

    const char* name;
    /// None of the stripes is a leaf's last.
    void (*run)(States& states, const std::byte* bytes, std::size_t stripes) noexcept;
};

/// Those that this processor can run, fastest first.
std::span<const StripeRunner> stripe_runners() noexcept;

/// The first 32 of BLAKE2bp's 64 bytes.
Digest parallel_digest(std::span<const std::byte> bytes,
                       const StripeRunner& runner = stripe_runners().front()) noexcept;

} // namespace soup::crypto
