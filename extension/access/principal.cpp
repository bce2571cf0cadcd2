// soup.principal and soup.credential, read past the executor. Found and missing principals are cached alike:
// tokens name them by identifiers that were signed here, so their number has an end.
#include "access/principal.hpp"

#include "access/catalogue_scan.hpp"
#include "access/generation.hpp"

#include <map>

extern "C" {
#include "utils/fmgroids.h"
}

namespace soup::access {

namespace {

struct PrincipalColumn {
    enum : AttrNumber { id = 1, org, username, kind, disabled, epoch };
};
struct CredentialColumn {
    enum : AttrNumber { principal = 1, slot, passphrase_hash, created_at, expires_at };
};

constexpr std::size_t cached_principals_max = 4096;

struct PrincipalCache {
    std::uint64_t generation = 0;
    std::map<Uuid, std::optional<Principal>> by_id;
};
PrincipalCache* known_principals = nullptr;

std::optional<Principal> read_row(const FoundRows& rows) {
    if (rows.empty()) return std::nullopt;
    const auto known = parse_kind(pg::to_string(rows.datum(0, PrincipalColumn::kind)));
    if (!known) return std::nullopt; // A kind of a later release: nobody here knows what it may do.
    Principal principal;
    principal.principal = pg::to_uuid(rows.datum(0, PrincipalColumn::id));
    if (!rows.is_null(0, PrincipalColumn::org))
        principal.org = pg::to_uuid(rows.datum(0, PrincipalColumn::org));
    principal.kind = *known;
    principal.is_disabled = DatumGetBool(rows.datum(0, PrincipalColumn::disabled));
    principal.epoch = static_cast<std::uint32_t>(DatumGetInt32(rows.datum(0, PrincipalColumn::epoch)));
    principal.username = pg::to_string(rows.datum(0, PrincipalColumn::username));
    return principal;
}

} // namespace

const Principal* find_principal(const Uuid& principal) {
    if (known_principals == nullptr) known_principals = new PrincipalCache;
    const std::uint64_t generation = catalogue_generation();
    if (known_principals->generation != generation ||
        known_principals->by_id.size() >= cached_principals_max) {
        known_principals->by_id.clear();
        known_principals->generation = generation;
    }
    auto found = known_principals->by_id.find(principal);
    if (found == known_principals->by_id.end()) {
        const KeyColumn key[] = {{PrincipalColumn::id, F_UUID_EQ, search_uuid(principal)}};
        found = known_principals->by_id
                    .emplace(principal, read_row(FoundRows("principal", "principal_pkey", key)))
                    .first;
    }
    return found->second ? &*found->second : nullptr;
}

std::optional<Principal> read_principal(std::string_view name) {
    const KeyColumn key[] = {{PrincipalColumn::username, F_TEXTEQ, search_text(name)}};
    return read_row(FoundRows("principal", "principal_username_key", key));
}

std::vector<std::string> read_passphrase_hashes(const Uuid& principal) {
    const KeyColumn key[] = {{CredentialColumn::principal, F_UUID_EQ, search_uuid(principal)}};
    const FoundRows rows("credential", "credential_pkey", key);
    const TimestampTz now = GetCurrentTimestamp();
    std::vector<std::string> hashes;
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (now < DatumGetTimestampTz(rows.datum(i, CredentialColumn::expires_at)))
            hashes.push_back(pg::to_string(rows.datum(i, CredentialColumn::passphrase_hash)));
    return hashes;
}

} // namespace soup::access
