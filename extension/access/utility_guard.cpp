// A list of what is allowed, not of what is refused: the gateway's role needs a handful of statements, and
// each other one is a way round the functions of soup_api (ALTER ROLE on itself, LISTEN, EXPLAIN, COPY …; or
// DECLARE, whose rows could be fetched after the principal that they were read under has lost its rights).
// The protocol's own cursor, a portal that is executed for some rows at a time, is refused for that reason
// when it goes on.
//
// The guard looks at who is the current user, so a function of the platform that runs as soup_owner may do
// DDL on the gateway's behalf.
#include "access/utility_guard.hpp"

#include "access/binding.hpp"
#include "access/library.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "utils/acl.h"
}

namespace soup::access {

namespace {

/// Settings that the gateway may change: how long its statements may take, and what the wire looks like.
constexpr const char* gateway_settings[] = {
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "application_name",
    "client_encoding",
    "extra_float_digits",
    "bytea_output",
    "datestyle",
    "intervalstyle",
    "timezone",
    "client_min_messages",
    "transaction_isolation",
    "transaction_read_only",
    "transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
};

bool is_gateway_setting(const VariableSetStmt* statement) {
    if (statement->kind == VAR_RESET_ALL || statement->kind == VAR_SET_MULTI) return true;
    for (const char* name : gateway_settings)
        if (pg_strcasecmp(statement->name, name) == 0) return true;
    // What is not in the list is left to the server's own refusal when it is a name of ours (42602, reserved
    // prefix).
    return pg_strncasecmp(statement->name, "soup.", 5) == 0;
}

bool is_held_cursor(const Node* statement) {
    return IsA(statement, DeclareCursorStmt) &&
           (reinterpret_cast<const DeclareCursorStmt*>(statement)->options & CURSOR_OPT_HOLD) != 0;
}

bool is_allowed_to_gateway(const Node* statement) {
    switch (nodeTag(statement)) {
    case T_TransactionStmt:
    case T_PrepareStmt:
    case T_ExecuteStmt:
    case T_DeallocateStmt:
    case T_VariableShowStmt:
    case T_DiscardStmt:
    case T_CallStmt:
    // Refused by privileges, with the server's own words.
    case T_DoStmt:
        return true;
    case T_VariableSetStmt:
        return is_gateway_setting(reinterpret_cast<const VariableSetStmt*>(statement));
    default:
        return false;
    }
}

bool is_gateway(Oid user) {
    static Oid gateway = InvalidOid;
    if (!OidIsValid(gateway)) gateway = pg::call([] { return get_role_oid("soup_gateway", true); });
    return user == gateway;
}

Error forbidden(const char* message) {
    return {"42501", "FORBIDDEN_STMT", message};
}

} // namespace

void guard_utility(PlannedStmt* statement, const char*) {
    pg::entry([&] {
        const Node* node = statement->utilityStmt;
        // In an aborted transaction roles cannot be looked up, and the server itself allows only its end.
        if (IsTransactionState() && is_gateway(GetUserId()) && !is_allowed_to_gateway(node))
            throw forbidden("statement is not allowed to the gateway's role");
        // Its rows would come after the identity that they were read under has gone.
        if (is_held_cursor(node) && bound() != nullptr)
            throw forbidden("a cursor WITH HOLD cannot be declared while a principal is bound");
    });
}

void guard_resumption(QueryDesc*) {
    pg::entry([] {
        if (bound() != nullptr && is_gateway(GetUserId()))
            throw forbidden("an answer to the gateway's role is read at once, not a portal's rows by and by");
    });
}

} // namespace soup::access
