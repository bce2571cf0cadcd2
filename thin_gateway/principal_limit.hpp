// How often a principal may ask, whatever token or passphrase it comes with.
//
// A token names its principal, but only the server can check the signature, and a count by an unchecked name
// would let anybody use up what belongs to another. So the gateway takes the server's word: once the server
// has done something for a token, its requests count for the principal that it names. Before that a
// credential has a count of its own, which is charged to the principal afterwards; and it is refused where
// the principal that it claims to be has no room, from which it takes nothing.
//
// A login is a guess until the server has said yes. A count of the guess's own would allow any number of
// guesses, so it counts for where it comes from and for the user that it names, known or not: neither one
// source that tries many names nor many sources that try one name get far. These counts have a table of their
// own, which made-up tokens cannot fill until it forgets.
#pragma once

#include "core/crypto/uuid.hpp"
#include "thin_gateway/plan.hpp"
#include "thin_gateway/rate_limit.hpp"

#include <optional>
#include <string>

namespace soup::gateway {

class PrincipalLimit {
public:
    using Clock = RateLimit::Clock;

    PrincipalLimit(double per_s, double burst);

    bool is_on() const { return limit_.is_on(); }
    /// A login that the server has to look at, by whatever way it comes; `user` may be empty: none was named.
    bool allows_login(std::string_view source, std::string_view user, Clock::time_point now);
    bool allows(const Credential& credential, Clock::time_point now);
    /// The server has taken `token`, which is the credential or was given for it.
    void learn(const Credential& credential, std::string_view token, Clock::time_point now);

private:
    std::string name_of(const Credential& credential) const;

    RateLimit limit_, logins_;
    std::array<unsigned char, 32> key_; ///< no passphrase can be guessed from its digest
    std::unordered_map<std::string, crypto::Uuid> principals_; ///< by the name of a credential
};

} // namespace soup::gateway
