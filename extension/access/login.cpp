// login(username, passphrase): a token for who knows the passphrase.
//
// Every refusal is the same LOGIN_FAILED after the same work: two hashes of equal cost, whether the user is
// unknown, disabled, without passphrase, has one passphrase or, while it is being changed, two. A correct
// passphrase may return after one. At most soup.argon_slots hashes run at a time in the cluster, 64 MiB each;
// who waits longer than wait_ms_max is sent away with BUSY before any work is done.
#include "access/argon_slot.hpp"
#include "access/principal.hpp"
#include "access/signing_key.hpp"
#include "access/token_life.hpp"
#include "boundary/datum.hpp"
#include "core/crypto/password.hpp"
#include "core/crypto/token.hpp"

extern "C" {
#include "funcapi.h"
#include "access/htup_details.h"
}

namespace soup::access {

namespace {

constexpr int hashes_per_refusal = 2;
constexpr std::size_t username_bytes_max = 800; ///< 200 characters, as soup.principal allows.

Error login_failed() {
    return {"28P01", "LOGIN_FAILED", "username or passphrase is wrong"};
}

/// Whether one of the hashes fits, at the cost of two checks if none does.
bool is_passphrase_right(const std::vector<std::string>& hashes, std::string_view passphrase) {
    int done = 0;
    for (const std::string& hash : hashes) {
        pg::call([] { CHECK_FOR_INTERRUPTS(); });
        ++done;
        if (crypto::verify_passphrase(hash, passphrase)) return true;
    }
    for (; done < hashes_per_refusal; ++done) {
        pg::call([] { CHECK_FOR_INTERRUPTS(); });
        crypto::verify_unknown(passphrase);
    }
    return false;
}

Principal check_login(std::string_view username, std::string_view passphrase) {
    if (username.empty() || passphrase.empty()) throw bad_input("username and passphrase must not be empty");
    if (username.size() > username_bytes_max) throw bad_input("username is too long");
    if (passphrase.size() > crypto::passphrase_bytes_max)
        throw bad_input("passphrase is longer than 1024 bytes");
    const ArgonSlot slot;
    const std::optional<Principal> principal = read_principal(username);
    std::vector<std::string> hashes;
    if (principal && !principal->is_disabled) hashes = read_passphrase_hashes(principal->principal);
    if (!is_passphrase_right(hashes, passphrase)) throw login_failed();
    return *principal;
}

crypto::Claims claims_for(const Principal& principal, std::int64_t now_us) {
    crypto::Claims claims;
    claims.kind = principal.kind;
    claims.audience = own_audience();
    claims.epoch = principal.epoch;
    claims.subject = principal.principal;
    claims.org = principal.org;
    claims.token_id = crypto::random_uuid();
    claims.session = crypto::random_uuid();
    claims.issued_us = now_us;
    claims.not_before_us = now_us;
    claims.expires_us = now_us + token_life_us(principal.kind);
    return claims;
}

} // namespace

} // namespace soup::access

SOUP_FUNCTION(soup_login) {
    using namespace soup;
    using namespace soup::access;
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) throw bad_input("username and passphrase must not be null");
    const pg::Varlena username(PG_GETARG_DATUM(0));
    const pg::Varlena passphrase(PG_GETARG_DATUM(1));
    const Principal principal = check_login(username.text(), passphrase.text());

    const std::int64_t now_us = unix_now_us();
    const SigningKey& key = current_key(now_us);
    crypto::Claims claims = claims_for(principal, now_us);
    claims.key_id = key.key_id;
    const std::string token = crypto::seal_token(claims, key.secret_key);

    const bool has_org = principal.org != crypto::nil_uuid;
    Datum values[] = {pg::make_text(token), TimestampTzGetDatum(pg::from_unix_us(claims.expires_us)),
                      has_org ? pg::make_uuid(principal.org) : Datum{0},
                      pg::make_text(crypto::kind_name(principal.kind))};
    bool nulls[] = {false, false, !has_org, false};
    return pg::call([&] {
        TupleDesc description;
        if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE)
            elog(ERROR, "login must return a row");
        return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls));
    });
}
