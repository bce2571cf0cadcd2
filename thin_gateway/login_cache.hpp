// HTTP Basic: log in once, then use the token.
//
// A token is kept under a keyed digest of the credential (the key lives and dies with the process; no
// passphrase is stored) until shortly before it expires, in a bounded least-recently-used table. Requests
// that come with the same credential while its login is under way wait for that one login: each costs the
// server a whole Argon2id.
#pragma once

#include "thin_gateway/pool.hpp"

#include <array>
#include <list>
#include <map>

namespace soup::gateway {

class LoginCache {
public:
    LoginCache(Pool& pool, const Callers& callers);

    struct Result {
        std::string token;
        std::optional<Problem> problem;
    };
    /// `credential` is base64 of user:passphrase, as in the header.
    Awaitable<Result> token_for(std::string_view credential, std::string_view source);

    /// The token kept for a credential; null when it has to log in.
    const std::string* find(std::string_view credential) { return find(digest_of(credential)); }

    /// Whether token_for() would ask the server: nothing is kept and no login with this credential is under
    /// way.
    bool must_log_in(std::string_view credential);

    /// The user name in a credential; empty where it has no legal form, so that no login is tried.
    static std::string user_of(std::string_view credential);

    /// The server no longer takes the token of this credential.
    void forget(std::string_view credential);

private:
    using Digest = std::array<unsigned char, 32>;
    struct Entry {
        Digest digest;
        std::string token;
        std::chrono::system_clock::time_point until;
    };
    struct Login {
        std::list<Signal> waiting;
        Result result;
    };

    const std::string* find(const Digest& digest);
    Digest digest_of(std::string_view credential) const;
    Awaitable<Result> log_in(std::string_view credential, Digest digest, std::string_view source);
    void keep(const Digest& digest, std::string token, std::int64_t expires_pg_us);

    Pool& pool_;
    const Callers& callers_;
    StatementPtr statement_;
    std::array<unsigned char, 32> key_;
    std::list<Entry> entries_; ///< most recently used first
    std::map<Digest, std::list<Entry>::iterator> by_digest_;
    std::map<Digest, std::shared_ptr<Login>> under_way_;
};

} // namespace soup::gateway
