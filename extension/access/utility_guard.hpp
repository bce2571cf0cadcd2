// The utility statements that roles of the platform may send, asked by the loader's ProcessUtility hook.
#pragma once

#include "boundary/postgres.hpp"

extern "C" {
#include "nodes/plannodes.h"
}

namespace soup::access {

/// Raises FORBIDDEN_STMT.
void guard_utility(PlannedStmt* statement, const char* source);

} // namespace soup::access
