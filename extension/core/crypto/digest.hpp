// BLAKE2b-256: one call or piece by piece, plain or keyed.
#pragma once

#include "core/crypto/secret.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace soup::crypto {

using Digest = std::array<std::uint8_t, 32>;
using MacKey = Secret<32>;

Digest digest(std::span<const std::byte> bytes);
Digest digest(std::string_view bytes);

/// Digest of pieces. Whoever joins pieces of variable length puts their lengths in as well.
class Hasher {
public:
    Hasher();
    explicit Hasher(const MacKey& key);
    ~Hasher();
    Hasher(const Hasher&) = delete;
    Hasher& operator=(const Hasher&) = delete;

    void update(std::span<const std::byte> bytes) noexcept;
    void update(std::string_view bytes) noexcept;
    /// Once; the Hasher is spent afterwards.
    Digest finish() noexcept;

private:
    alignas(64) std::array<std::byte, 384> state_; ///< crypto_generichash_state, checked in digest.cpp.
};

/// Comparison whose time does not depend on where the bytes differ.
bool equal_constant_time(std::span<const std::uint8_t> left, std::span<const std::uint8_t> right) noexcept;

MacKey generate_mac_key();

std::string hex(std::span<const std::uint8_t> bytes); ///< lower case

} // namespace soup::crypto
