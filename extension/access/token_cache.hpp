// Tokens whose signature has been verified, in shared memory, by the BLAKE2b digest of their text. A hit
// saves the signature check and nothing else: times, key and principal are looked at on every call.
//
// Four places per set; a new token takes the place in its set that expires first. Readers take no lock (a
// sequence count tells a torn read, which counts as a miss), writers take Lock::token_writers.
#pragma once

#include "core/crypto/digest.hpp"
#include "core/crypto/token.hpp"

#include <optional>

namespace soup::access {

std::optional<crypto::Claims> recall_token(const crypto::Digest& digest);
void remember_token(const crypto::Digest& digest, const crypto::Claims& claims);

} // namespace soup::access
