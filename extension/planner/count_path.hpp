// Counting in the index, where a query asks for nothing but a number of rows.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "nodes/pathnodes.h"
}

namespace soup::planner {

/// For create_upper_paths_hook: where `SELECT count(*) FROM t WHERE vector <@ region` can be answered by a
/// vtree index alone, adds a path that counts leaf by leaf. Server code: raises what the server raises.
void add_count_path(PlannerInfo* root, UpperRelationKind stage, RelOptInfo* input, RelOptInfo* output);

} // namespace soup::planner
