// See caller.hpp.
#include "thin_gateway/caller.hpp"

#include "core/crypto/token.hpp"

#include <algorithm>
#include <cstring>
#include <sodium.h>

namespace soup::gateway {
namespace {

std::string_view bytes_of(const crypto::Uuid& id) {
    return {reinterpret_cast<const char*>(id.data()), id.size()};
}

std::optional<crypto::UnverifiedToken> read_token(std::string_view text) {
    try {
        return crypto::UnverifiedToken(text);
    } catch (const Error&) {
        return std::nullopt;
    }
}

} // namespace

Callers::Callers() {
    randombytes_buf(keys_.data(), sizeof keys_);
}

std::uint64_t Callers::hash(Name kind, std::string_view name) const {
    std::array<unsigned char, 8> digest;
    static_assert(crypto_shorthash_BYTES == sizeof digest && crypto_shorthash_KEYBYTES == sizeof keys_[0]);
    crypto_shorthash(digest.data(), reinterpret_cast<const unsigned char*>(name.data()), name.size(),
                     keys_[static_cast<std::size_t>(kind)].data());
    std::uint64_t id = 0;
    std::memcpy(&id, digest.data(), sizeof id);
    return std::max<std::uint64_t>(id, 1); // 0 is the gateway itself
}

std::optional<Caller> Callers::find(std::string_view token) const {
    const auto known = known_.find(hash(Name::token, token));
    return known == known_.end() ? std::nullopt : std::optional(known->second);
}

Caller Callers::unproven(std::string_view token, std::string_view source) const {
    Caller caller{hash(Name::source, source), 0};
    // What is no token the server will refuse.
    if (const auto claims = read_token(token))
        caller.member = hash(Name::principal, bytes_of(claims->claimed_subject()));
    return caller;
}

Caller Callers::of_login(std::string_view user, std::string_view source) const {
    return {hash(Name::source, source), hash(Name::user, user)};
}

void Callers::learn(std::string_view token) {
    constexpr std::size_t known_max = 100'000; // a token that is forgotten is learnt again
    if (known_.size() >= known_max) known_.clear();
    const auto claims = read_token(token);
    if (!claims) return; // Whatever the server has taken, it names nobody.
    const crypto::Uuid org = claims->claimed_org();
    const std::uint64_t member = hash(Name::principal, bytes_of(claims->claimed_subject()));
    known_.try_emplace(hash(Name::token, token),
                       Caller{org == crypto::Uuid{} ? member : hash(Name::org, bytes_of(org)), member});
}

} // namespace soup::gateway
