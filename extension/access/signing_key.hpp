// The keys of soup.signing_key: Ed25519 pairs for access tokens and MAC keys for page tokens.
//
// The newest valid key signs; every key verifies while it is valid. Keys are loaded once per process and
// generation of the catalogue and stay in its memory, wiped when they are dropped. The first one is made by
// the extension's script; soup.rotate_signing_key() adds the next.
#pragma once

#include "access/identity.hpp"
#include "core/crypto/digest.hpp"
#include "core/crypto/signing.hpp"

namespace soup::access {

struct SigningKey {
    std::uint32_t key_id;
    crypto::PublicKey public_key;
    crypto::SecretKey secret_key;
    crypto::MacKey mac_key;
    std::int64_t valid_from_us;
    std::int64_t valid_to_us;

    bool is_valid(std::int64_t now_us) const noexcept {
        return valid_from_us <= now_us && now_us < valid_to_us;
    }
};

/// The key that signs now. Throws 55000 when there is none.
const SigningKey& current_key(std::int64_t now_us);

/// The key of that number if it is valid now, else null.
const SigningKey* find_key(std::uint32_t key_id, std::int64_t now_us);

/// The MAC key for page tokens: the current key's.
const crypto::MacKey& page_key();

/// For which cluster and database tokens are made here.
crypto::Audience own_audience();

/// The time that tokens are measured by.
std::int64_t unix_now_us();

} // namespace soup::access
