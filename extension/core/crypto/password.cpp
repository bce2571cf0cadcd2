// Argon2id through libsodium's pwhash.
//
// The cost is libsodium's "interactive": 64 MiB and 2 passes, about 60–100 ms on one core. A login for a user
// who does not exist is checked against a hash of the same cost, so that its time says nothing.
#include "core/crypto/password.hpp"

#include "core/crypto/sodium.hpp"
#include "core/error.hpp"

#include <simdjson.h>
#include <sodium.h>

#include <array>
#include <cerrno>

namespace soup::crypto {
namespace {

constexpr unsigned long long passes = 2;
constexpr std::size_t memory_bytes = std::size_t{64} << 20;

constexpr const char* dummy_hash =
    "$argon2id$v=19$m=65536,t=2,p=1$JZfc8bF1Jig3hTwclkL6gQ$ayj4DwJx329kpKyNGcMUmukYHXcWpsVJPjcGwFmN6IU";

bool can_be_set(std::string_view passphrase) noexcept {
    return !passphrase.empty() && passphrase.size() <= passphrase_bytes_max &&
           passphrase.find('\0') == std::string_view::npos &&
           simdjson::validate_utf8(passphrase.data(), passphrase.size());
}

Error damaged_hash() {
    return {"XX001", "", "stored passphrase hash is damaged"};
}

bool matches(const char* hash, std::string_view passphrase) {
    // Another prefix would set EINVAL, as a mismatch does.
    if (!std::string_view(hash).starts_with(crypto_pwhash_argon2id_STRPREFIX)) throw damaged_hash();
    errno = 0;
    if (crypto_pwhash_str_verify(hash, passphrase.data(), passphrase.size()) == 0) return true;
    // libsodium answers -1 to everything; only a mismatch sets EINVAL.
    if (errno == EINVAL) return false;
    if (errno == ENOMEM) throw Error("53200", "BUSY", "not enough memory to check a passphrase");
    throw damaged_hash();
}

} // namespace

void check_passphrase(std::string_view passphrase) {
    if (passphrase.empty()) throw bad_input("passphrase must not be empty");
    if (passphrase.size() > passphrase_bytes_max)
        throw bad_input("passphrase is longer than " + std::to_string(passphrase_bytes_max) + " bytes");
    if (passphrase.find('\0') != std::string_view::npos) throw bad_input("passphrase must not contain NUL");
    if (!can_be_set(passphrase)) throw bad_input("passphrase must be valid UTF-8");
}

std::string hash_passphrase(std::string_view passphrase) {
    ready_sodium();
    check_passphrase(passphrase);
    std::array<char, crypto_pwhash_STRBYTES> text{};
    if (crypto_pwhash_str_alg(text.data(), passphrase.data(), passphrase.size(), passes, memory_bytes,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        throw Error("53200", "BUSY", "not enough memory to hash a passphrase");
    return text.data();
}

bool verify_passphrase(const std::string& hash, std::string_view passphrase) {
    ready_sodium();
    // What could never have been set costs as much as any other, and is not hashed at its full length.
    if (!can_be_set(passphrase)) return verify_unknown({});
    return matches(hash.c_str(), passphrase);
}

std::string_view unknown_users_hash() noexcept {
    return dummy_hash;
}

bool verify_unknown(std::string_view passphrase) {
    ready_sodium();
    (void)matches(dummy_hash, can_be_set(passphrase) ? passphrase : std::string_view("-"));
    return false;
}

} // namespace soup::crypto
