// See principal_limit.hpp.
#include "thin_gateway/principal_limit.hpp"

#include "core/crypto/token.hpp"

#include <sodium.h>

namespace soup::gateway {
namespace {

// Names of buckets: their first letters keep the kinds apart.

std::string bucket_of(const crypto::Uuid& principal) {
    return "p" + std::string(reinterpret_cast<const char*>(principal.data()), principal.size());
}

std::optional<crypto::Uuid> claimed_by(std::string_view token) {
    try {
        return crypto::UnverifiedToken(token).claimed_subject();
    } catch (const Error&) { // No token: the server will say so.
        return std::nullopt;
    }
}

} // namespace

PrincipalLimit::PrincipalLimit(double per_s, double burst) : limit_(per_s, burst), logins_(per_s, burst) {
    randombytes_buf(key_.data(), key_.size());
}

std::string PrincipalLimit::name_of(const Credential& credential) const {
    std::string name(1 + crypto_generichash_BYTES_MIN,
                     credential.kind == Credential::Kind::basic ? 'b' : 't');
    crypto_generichash(reinterpret_cast<unsigned char*>(name.data() + 1), name.size() - 1,
                       reinterpret_cast<const unsigned char*>(credential.value.data()),
                       credential.value.size(), key_.data(), key_.size());
    return name;
}

// The source first: refused, it takes nothing from the user, whose own login waits for that count, too.
bool PrincipalLimit::allows_login(std::string_view source, std::string_view user, Clock::time_point now) {
    if (!logins_.is_on()) return true;
    return logins_.allows("s" + std::string(source), now) &&
           (user.empty() || logins_.allows("u" + std::string(user), now));
}

bool PrincipalLimit::allows(const Credential& credential, Clock::time_point now) {
    if (!limit_.is_on()) return true;
    const std::string name = name_of(credential);
    if (const auto known = principals_.find(name); known != principals_.end())
        return limit_.allows(bucket_of(known->second), now);
    if (credential.kind == Credential::Kind::bearer)
        if (const auto claimed = claimed_by(credential.value);
            claimed && !limit_.has_room(bucket_of(*claimed), now))
            return false;
    return limit_.allows(name, now);
}

void PrincipalLimit::learn(const Credential& credential, std::string_view token, Clock::time_point now) {
    if (!limit_.is_on()) return;
    const std::string name = name_of(credential);
    if (principals_.contains(name)) return;
    const auto principal = claimed_by(token);
    if (!principal) return;
    constexpr std::size_t principals_max = 100'000;
    if (principals_.size() >= principals_max) principals_.clear();
    principals_.emplace(name, *principal);
    limit_.charge(name, bucket_of(*principal), now);
}

} // namespace soup::gateway
