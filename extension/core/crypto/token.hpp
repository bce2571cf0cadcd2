// Access tokens: who is asking, signed with Ed25519, as 235 characters of base64url.
//
// Layout of the 176 bytes, little-endian: version u1 = 1 | kind u1 | zero u2 | key id u4 | system identifier
// u8 | database oid u4 | epoch u4 | subject 16 | org 16 | token id 16 | session 16 | issued i8 | not before
// i8 | expires i8 | signature 64. Times are microseconds since 1970. Signed is "soup-access-1" followed by
// the first 112 bytes: the prefix is not sent, so nothing signed for another purpose can pass as an access
// token.
//
// There is one algorithm, the key id is a number to be looked up in a table, and every way to be wrong gives
// the same TOKEN_BAD. Expiry is told apart by the caller (is_live), since it depends on the clock.
#pragma once

#include "core/crypto/signing.hpp"
#include "core/crypto/uuid.hpp"
#include "core/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace soup::crypto {

/// Stored in tokens and in the catalogue: never renumber.
enum class PrincipalKind : std::uint8_t {
    producer = 1,
    consumer = 2,
    data_scientist = 3,
    org_admin = 4,
    operator_ = 5,
};
std::string_view kind_name(PrincipalKind kind) noexcept; ///< "producer", …, "operator"

/// Whom a token is for: one database of one cluster.
struct Audience {
    std::uint64_t system_identifier = 0;
    std::uint32_t database_oid = 0;
    bool operator==(const Audience&) const = default;
};

struct Claims {
    PrincipalKind kind = PrincipalKind::producer;
    std::uint32_t key_id = 0;
    Audience audience;
    std::uint32_t epoch = 0; ///< of the subject; a higher one in the table revokes the token
    Uuid subject{};
    Uuid org{}; ///< nil for data scientists and operators
    Uuid token_id{};
    Uuid session{};
    std::int64_t issued_us = 0;
    std::int64_t not_before_us = 0;
    std::int64_t expires_us = 0;
    bool operator==(const Claims&) const = default;
};

inline constexpr std::size_t token_characters = 235;

/// Throws XX000 for claims that no reader would accept (expiry before issue, unknown kind).
std::string seal_token(const Claims& claims, const SecretKey& key);

/// A token whose form is right and whose signature has not been looked at.
class UnverifiedToken {
public:
    explicit UnverifiedToken(std::string_view text); ///< Throws TOKEN_BAD.
    /// Which key to look up. Nothing else may be believed before open().
    std::uint32_t key_id() const noexcept;
    /// Whom it claims to be of. For who has the server's word that the token is good, and not its keys.
    Uuid claimed_subject() const noexcept;
    Uuid claimed_org() const noexcept; ///< Likewise; nil for who belongs to none.
    /// Checks signature and audience; throws TOKEN_BAD.
    Claims open(const PublicKey& key, const Audience& audience) const;

private:
    std::vector<std::uint8_t> bytes_;
};

/// not_before ≤ now < expires.
inline bool is_live(const Claims& claims, std::int64_t now_us) noexcept {
    return claims.not_before_us <= now_us && now_us < claims.expires_us;
}
inline Error token_expired() {
    return {"28000", "TOKEN_EXPIRED", "token has expired or is not valid yet"};
}

} // namespace soup::crypto
