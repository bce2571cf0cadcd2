// The utility statements that roles of the platform may send, and how they read an answer; asked by the
// loader's hooks.
#pragma once

#include "boundary/postgres.hpp"

extern "C" {
#include "executor/execdesc.h"
#include "nodes/plannodes.h"
}

namespace soup::access {

/// Raises FORBIDDEN_STMT.
void guard_utility(PlannedStmt* statement, const char* source);
/// Likewise, before a client's portal goes on.
void guard_resumption(QueryDesc* query);

} // namespace soup::access
