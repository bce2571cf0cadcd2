// A cheaper way to the nearest rows of a table without an index.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "nodes/pathnodes.h"
}

namespace soup::planner {

/// For create_upper_paths_hook: where `ORDER BY vector <-> query LIMIT n` reads one table, adds a path that
/// keeps the n nearest rows while it reads. Server code: raises what the server raises.
void add_nearest_path(PlannerInfo* root, UpperRelationKind stage, RelOptInfo* input, RelOptInfo* output);

} // namespace soup::planner
