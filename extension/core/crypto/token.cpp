// Access tokens: layout, sealing, opening.
#include "core/crypto/token.hpp"

#include "core/crypto/base64.hpp"
#include "core/little_endian.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace soup::crypto {
namespace {

constexpr std::string_view token_domain = "soup-access-1";
constexpr std::uint8_t token_layout_version = 1;

// Positions in the sealed bytes; the head of token.hpp shows them in order.
enum At : std::size_t {
    at_version = 0,
    at_kind = 1,
    at_zero = 2,
    at_key_id = 4,
    at_system_identifier = 8,
    at_database_oid = 16,
    at_epoch = 20,
    at_subject = 24,
    at_org = 40,
    at_token_id = 56,
    at_session = 72,
    at_issued = 88,
    at_not_before = 96,
    at_expires = 104,
    claims_bytes = 112,
    sealed_bytes = claims_bytes + 64,
};
static_assert(token_characters == (sealed_bytes * 8 + 5) / 6);

using SignedMessage = std::array<std::uint8_t, token_domain.size() + claims_bytes>;

SignedMessage message_of(const std::uint8_t* claims) {
    SignedMessage message;
    std::memcpy(message.data(), token_domain.data(), token_domain.size());
    std::memcpy(message.data() + token_domain.size(), claims, claims_bytes);
    return message;
}

bool is_kind(std::uint8_t kind) noexcept {
    return kind >= 1 && kind <= 5;
}

void store_uuid(std::uint8_t* to, const Uuid& uuid) {
    std::copy(uuid.begin(), uuid.end(), to);
}

Uuid load_uuid(const std::uint8_t* from) {
    Uuid uuid;
    std::copy_n(from, uuid.size(), uuid.begin());
    return uuid;
}

Claims load_claims(const std::uint8_t* bytes) {
    Claims claims;
    claims.kind = static_cast<PrincipalKind>(bytes[at_kind]);
    claims.key_id = load_le<std::uint32_t>(bytes + at_key_id);
    claims.audience.system_identifier = load_le<std::uint64_t>(bytes + at_system_identifier);
    claims.audience.database_oid = load_le<std::uint32_t>(bytes + at_database_oid);
    claims.epoch = load_le<std::uint32_t>(bytes + at_epoch);
    claims.subject = load_uuid(bytes + at_subject);
    claims.org = load_uuid(bytes + at_org);
    claims.token_id = load_uuid(bytes + at_token_id);
    claims.session = load_uuid(bytes + at_session);
    claims.issued_us = load_le<std::int64_t>(bytes + at_issued);
    claims.not_before_us = load_le<std::int64_t>(bytes + at_not_before);
    claims.expires_us = load_le<std::int64_t>(bytes + at_expires);
    return claims;
}

} // namespace

std::string_view kind_name(PrincipalKind kind) noexcept {
    switch (kind) {
    case PrincipalKind::producer:
        return "producer";
    case PrincipalKind::consumer:
        return "consumer";
    case PrincipalKind::data_scientist:
        return "data_scientist";
    case PrincipalKind::org_admin:
        return "org_admin";
    case PrincipalKind::operator_:
        return "operator";
    }
    return "unknown";
}

std::string seal_token(const Claims& claims, const SecretKey& key) {
    if (!is_kind(static_cast<std::uint8_t>(claims.kind)) || claims.expires_us <= claims.issued_us ||
        claims.expires_us <= claims.not_before_us)
        throw Error("XX000", "", "token claims are inconsistent");
    std::array<std::uint8_t, sealed_bytes> bytes{};
    bytes[at_version] = token_layout_version;
    bytes[at_kind] = static_cast<std::uint8_t>(claims.kind);
    store_le(&bytes[at_key_id], claims.key_id);
    store_le(&bytes[at_system_identifier], claims.audience.system_identifier);
    store_le(&bytes[at_database_oid], claims.audience.database_oid);
    store_le(&bytes[at_epoch], claims.epoch);
    store_uuid(&bytes[at_subject], claims.subject);
    store_uuid(&bytes[at_org], claims.org);
    store_uuid(&bytes[at_token_id], claims.token_id);
    store_uuid(&bytes[at_session], claims.session);
    store_le(&bytes[at_issued], claims.issued_us);
    store_le(&bytes[at_not_before], claims.not_before_us);
    store_le(&bytes[at_expires], claims.expires_us);
    const Signature signature = sign(key, message_of(bytes.data()));
    std::copy(signature.begin(), signature.end(), bytes.begin() + claims_bytes);
    return base64url_encode(bytes);
}

UnverifiedToken::UnverifiedToken(std::string_view text) {
    // The length is compared first: a token of a megabyte costs nothing.
    if (text.size() != token_characters) throw token_bad();
    auto bytes = base64url_decode(text, sealed_bytes);
    if (!bytes || bytes->size() != sealed_bytes) throw token_bad();
    const std::uint8_t* at = bytes->data();
    if (at[at_version] != token_layout_version || !is_kind(at[at_kind]) || at[at_zero] != 0 ||
        at[at_zero + 1] != 0)
        throw token_bad();
    bytes_ = std::move(*bytes);
}

std::uint32_t UnverifiedToken::key_id() const noexcept {
    return load_le<std::uint32_t>(&bytes_[at_key_id]);
}

Uuid UnverifiedToken::claimed_subject() const noexcept {
    return load_uuid(&bytes_[at_subject]);
}

Uuid UnverifiedToken::claimed_org() const noexcept {
    return load_uuid(&bytes_[at_org]);
}

Claims UnverifiedToken::open(const PublicKey& key, const Audience& audience) const {
    Signature signature;
    std::copy_n(bytes_.begin() + claims_bytes, signature.size(), signature.begin());
    if (!verify(key, message_of(bytes_.data()), signature)) throw token_bad();
    const Claims claims = load_claims(bytes_.data());
    if (claims.audience != audience) throw token_bad();
    return claims;
}

} // namespace soup::crypto
