// Drops what nobody reads: the distance of `SELECT id FROM t ORDER BY embedding <-> $1 LIMIT 10`.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "nodes/plannodes.h"
}

namespace soup::planner {

/// Changes a finished plan. Server code: raises what the server raises.
void drop_unread_distances(PlannedStmt* plan);

} // namespace soup::planner
