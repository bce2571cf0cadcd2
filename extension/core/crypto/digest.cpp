// BLAKE2b-256 through libsodium's generichash, whose state is kept in the Hasher without showing its header.
#include "core/crypto/digest.hpp"

#include "core/crypto/sodium.hpp"

#include <sodium.h>

#include <cstddef>

namespace soup::crypto {
namespace {

static_assert(sizeof(crypto_generichash_state) == 384 && alignof(crypto_generichash_state) <= 64,
              "Hasher reserves room for libsodium's state");
static_assert(crypto_generichash_BYTES == 32);

const unsigned char* data_of(std::span<const std::byte> bytes) noexcept {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

crypto_generichash_state* state_of(std::array<std::byte, 384>& room) noexcept {
    return reinterpret_cast<crypto_generichash_state*>(room.data());
}

} // namespace

Digest digest(std::span<const std::byte> bytes) {
    ready_sodium();
    Digest result;
    crypto_generichash(result.data(), result.size(), data_of(bytes), bytes.size(), nullptr, 0);
    return result;
}

Digest digest(std::string_view bytes) {
    return digest(std::as_bytes(std::span(bytes)));
}

Hasher::Hasher() {
    ready_sodium();
    crypto_generichash_init(state_of(state_), nullptr, 0, sizeof(Digest));
}

Hasher::Hasher(const MacKey& key) {
    ready_sodium();
    crypto_generichash_init(state_of(state_), key.data(), key.size(), sizeof(Digest));
}

Hasher::~Hasher() {
    sodium_memzero(state_.data(), state_.size());
}

void Hasher::update(std::span<const std::byte> bytes) noexcept {
    crypto_generichash_update(state_of(state_), data_of(bytes), bytes.size());
}

void Hasher::update(std::string_view bytes) noexcept {
    update(std::as_bytes(std::span(bytes)));
}

Digest Hasher::finish() noexcept {
    Digest result;
    crypto_generichash_final(state_of(state_), result.data(), result.size());
    return result;
}

bool equal_constant_time(std::span<const std::uint8_t> left, std::span<const std::uint8_t> right) noexcept {
    return left.size() == right.size() && sodium_memcmp(left.data(), right.data(), left.size()) == 0;
}

MacKey generate_mac_key() {
    ready_sodium();
    MacKey key;
    randombytes_buf(key.data(), key.size());
    return key;
}

std::string hex(std::span<const std::uint8_t> bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::uint8_t byte : bytes) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

} // namespace soup::crypto
