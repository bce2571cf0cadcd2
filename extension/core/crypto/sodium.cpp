// Readies libsodium once per process.
#include "core/crypto/sodium.hpp"

#include "core/crypto/secret.hpp"
#include "core/error.hpp"

#include <sodium.h>

namespace soup::crypto {

void ready_sodium() {
    // sodium_init is idempotent and thread-safe; the static only saves its lock in the hot path.
    static const bool is_ready = sodium_init() >= 0;
    if (!is_ready) throw Error("58000", "", "could not initialise the cryptographic library");
}

void wipe(std::span<std::uint8_t> bytes) noexcept {
    sodium_memzero(bytes.data(), bytes.size());
}

} // namespace soup::crypto
