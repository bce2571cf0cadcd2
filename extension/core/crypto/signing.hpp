// Ed25519 key pairs, signatures and strict verification (libsodium: S < L, no small-order points).
#pragma once

#include "core/crypto/secret.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace soup::crypto {

using PublicKey = std::array<std::uint8_t, 32>;
using SecretKey = Secret<64>; ///< libsodium's form: seed, then public key
using Signature = std::array<std::uint8_t, 64>;

struct KeyPair {
    PublicKey public_key;
    SecretKey secret_key;
};

KeyPair generate_key_pair();
Signature sign(const SecretKey& key, std::span<const std::uint8_t> message);
bool verify(const PublicKey& key, std::span<const std::uint8_t> message, const Signature& signature);

} // namespace soup::crypto
