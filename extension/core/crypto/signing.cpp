// Ed25519 through libsodium, which already refuses S ≥ L, small-order keys and non-canonical encodings.
#include "core/crypto/signing.hpp"

#include "core/crypto/sodium.hpp"

#include <sodium.h>

namespace soup::crypto {

KeyPair generate_key_pair() {
    ready_sodium();
    KeyPair pair;
    crypto_sign_keypair(pair.public_key.data(), pair.secret_key.data());
    return pair;
}

Signature sign(const SecretKey& key, std::span<const std::uint8_t> message) {
    ready_sodium();
    Signature signature;
    crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(), key.data());
    return signature;
}

bool verify(const PublicKey& key, std::span<const std::uint8_t> message, const Signature& signature) {
    ready_sodium();
    return crypto_sign_verify_detached(signature.data(), message.data(), message.size(), key.data()) == 0;
}

} // namespace soup::crypto
