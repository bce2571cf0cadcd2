// A token becomes an identity, and an identity is bound to the transaction.
//
// Binding happens once per transaction, at top level, before anything is read: not inside DO, a function, a
// trigger or a cursor (BIND_NESTED), not in a subtransaction (BIND_NESTED), not with another token after the
// first (BIND_TWICE). The same principal's token again is checked again, so that a revocation counts at the
// next call. The end of the transaction clears it; a prepared transaction is refused. Why each rule is there:
// README.md.
#pragma once

#include "boundary/postgres.hpp"
#include "access/identity.hpp"
#include "access/scope.hpp"

namespace soup::access {

/// Registers transaction callbacks; called once by the library's initialiser.
void initialise();

/// Checks token and kind for the soup_api function that fcinfo calls, and binds. Call it first, in the first
/// call of a set-returning function. Throws TOKEN_BAD, TOKEN_EXPIRED, BIND_NESTED, BIND_TWICE, SCOPE, and
/// FORBIDDEN_STMT in a serializable transaction.
const Identity& bind(FunctionCallInfo fcinfo, std::string_view token);
/// The same with the call's first argument as the token; null is TOKEN_BAD.
const Identity& bind(FunctionCallInfo fcinfo);

/// Signature, audience, times, key, and the principal's present state; binds nothing. A verified token costs
/// a digest and two look-ups from then on. Throws TOKEN_BAD, TOKEN_EXPIRED or FORBIDDEN_STMT, as bind() does.
Identity verify_token(std::string_view token);

/// The principal bound to this transaction, or null; also seen in its parallel workers.
const Identity* bound();
/// The same, but throws NOT_BOUND.
const Identity& require_principal();

/// Whether soup.api_function opens this function to this kind; bind() has asked already.
bool is_open_to(Oid function, Kind kind);
/// Throws SCOPE when it does not.
void require_kind(Oid function, const Identity& identity);

} // namespace soup::access
