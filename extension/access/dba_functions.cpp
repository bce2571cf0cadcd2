// The pieces of the DBA's functions that need libsodium. Reachable by soup_owner only; what they are for is
// in sql/machinesoup/70_dba.sql.
#include "access/library.hpp"
#include "boundary/datum.hpp"
#include "core/crypto/password.hpp"
#include "core/crypto/signing.hpp"
#include "core/crypto/digest.hpp"

extern "C" {
#include "funcapi.h"
#include "access/htup_details.h"
}

namespace {

Datum secret_bytea(std::span<const std::uint8_t> bytes) {
    return soup::pg::make_bytea(std::as_bytes(bytes));
}

} // namespace

/// hash_passphrase(text) → text: checks its form, hashes with a fresh salt.
SOUP_FUNCTION(soup_hash_passphrase) {
    const soup::pg::Varlena passphrase(PG_GETARG_DATUM(0));
    return soup::pg::make_text(soup::crypto::hash_passphrase(passphrase.text()));
}

/// new_key() → (public_key, secret_key, mac_key).
SOUP_FUNCTION(soup_new_key) {
    const soup::crypto::KeyPair pair = soup::crypto::generate_key_pair();
    const soup::crypto::MacKey mac = soup::crypto::generate_mac_key();
    Datum values[] = {secret_bytea(pair.public_key), secret_bytea(pair.secret_key.view()),
                      secret_bytea(mac.view())};
    bool nulls[] = {false, false, false};
    return soup::pg::call([&] {
        TupleDesc description;
        if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE)
            elog(ERROR, "new_key must return a row");
        return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls));
    });
}
