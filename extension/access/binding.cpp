// Checking a token, and binding its principal to the transaction.
#include "access/binding.hpp"

#include "access/deadline.hpp"
#include "access/library.hpp"
#include "access/principal.hpp"
#include "access/scope_state.hpp"
#include "access/served_function.hpp"
#include "access/signing_key.hpp"
#include "access/token_cache.hpp"
#include "access/token_life.hpp"
#include "boundary/datum.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "nodes/parsenodes.h"
#include "tcop/pquery.h"
#include "utils/lsyscache.h"
#include "utils/portal.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace soup::access {

namespace {

Error bind_nested(const char* why) {
    return {"55000", "BIND_NESTED", "a token is bound by a top-level call only", why,
            "Call the function directly, as SELECT soup_api.f(token, ...)."};
}

/// Reads a table with row-level security? The order in which an executor binds and reads is not ours to rely
/// on.
bool reads_secured_table(const PlannedStmt* statement) {
    return pg::call([&] {
        ListCell* cell;
        foreach (cell, statement->rtable) {
            auto* entry = static_cast<RangeTblEntry*>(lfirst(cell));
            if (entry->rtekind != RTE_RELATION) continue;
            HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(entry->relid));
            if (!HeapTupleIsValid(row)) continue;
            const bool is_secured = reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->relrowsecurity;
            ReleaseSysCache(row);
            if (is_secured) return true;
        }
        return false;
    });
}

void require_top_level() {
    if (IsParallelWorker() || IsInParallelMode()) throw bind_nested("It is called inside a parallel query.");
    if (attached_loader().statement_depth() != 1 || ActivePortal == nullptr)
        throw bind_nested("It is called from inside another statement or function.");
    if (GetCurrentTransactionNestLevel() > 1) throw bind_nested("It is called inside a savepoint.");
    const QueryDesc* query = ActivePortal->queryDesc;
    if (query == nullptr || query->operation != CMD_SELECT)
        throw bind_nested("It is called in a statement other than SELECT.");
    if (reads_secured_table(query->plannedstmt))
        throw bind_nested("It is called in a statement that reads a secured table itself.");
}

/// Which of two serializable transactions fails depends on what both have read and written, so it would tell
/// one org of another.
void refuse_serializable() {
    if (IsolationIsSerializable())
        throw Error("42501", "FORBIDDEN_STMT", "the API cannot be called in a serializable transaction", "",
                    "Begin it with ISOLATION LEVEL READ COMMITTED or REPEATABLE READ.");
}

/// What the token says, once its signature is known to be right.
crypto::Claims open_token(std::string_view token, std::int64_t now_us) {
    if (token.size() != crypto::token_characters) throw token_bad();
    const crypto::Digest digest = crypto::digest(token);
    if (auto claims = recall_token(digest)) {
        if (claims->audience != own_audience() || find_key(claims->key_id, now_us) == nullptr)
            throw token_bad();
        return *claims;
    }
    const crypto::UnverifiedToken unverified(token);
    const SigningKey* key = find_key(unverified.key_id(), now_us);
    if (key == nullptr) throw token_bad();
    const crypto::Claims claims = unverified.open(key->public_key, own_audience());
    remember_token(digest, claims);
    return claims;
}

/// The principal at the bottom of the stack; null when nothing is bound.
const Identity* bound_here() {
    const Scope* scope = current_scope();
    return scope != nullptr && scope->reach == Reach::principal ? &scope->identity : nullptr;
}

} // namespace

void initialise() {
    register_scope_callbacks();
}

Identity verify_token(std::string_view token) {
    refuse_serializable();
    const std::int64_t now_us = unix_now_us();
    const crypto::Claims claims = open_token(token, now_us);
    if (!crypto::is_live(claims, now_us) || claims.expires_us - claims.issued_us > token_life_us(claims.kind))
        throw crypto::token_expired();
    const Principal* principal = find_principal(claims.subject);
    if (principal == nullptr || principal->is_disabled || principal->epoch != claims.epoch ||
        principal->kind != claims.kind || principal->org != claims.org)
        throw token_bad();
    if (claims.kind == Kind::data_scientist && RecoveryInProgress())
        throw Error("25006", "PRIMARY_ONLY", "data scientists are served by the primary only");
    return {claims.subject, claims.org, claims.session, claims.kind, claims.epoch, claims.expires_us};
}

const Identity& bind(FunctionCallInfo fcinfo, std::string_view token) {
    require_top_level();
    const Identity identity = verify_token(token);
    const Scope* scope = current_scope();
    if (scope != nullptr && (scope->reach != Reach::principal || scope->identity != identity))
        throw Error("55000", "BIND_TWICE", "another token is bound to this transaction already");
    require_kind(fcinfo->flinfo->fn_oid, identity);
    bind_scope(identity, grants_of(identity.principal));
    end_session_after(identity.expires_us);
    return *bound_here();
}

const Identity& bind(FunctionCallInfo fcinfo) {
    if (PG_ARGISNULL(0)) throw token_bad();
    const pg::Varlena token(PG_GETARG_DATUM(0));
    return bind(fcinfo, token.text());
}

const Identity* bound() {
    return bound_here();
}

const Identity& require_principal() {
    const Identity* identity = bound_here();
    if (identity == nullptr) throw Error("28000", "NOT_BOUND", "no principal is bound to this transaction");
    return *identity;
}

bool is_open_to(Oid function, Kind kind) {
    return kinds_allowed(function).has(kind);
}

void require_kind(Oid function, const Identity& identity) {
    if (!is_open_to(function, identity.kind))
        throw scope_refused("this function is not open to " + std::string(crypto::kind_name(identity.kind)) +
                            "s");
}

} // namespace soup::access
