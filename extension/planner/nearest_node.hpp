// The executor's side of nearest_path.hpp.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "nodes/extensible.h"
}

namespace soup::planner::nearest_rows {

const CustomPathMethods* methods() noexcept;
/// Makes the node known to the server by its name. Once per session.
void register_node();

} // namespace soup::planner::nearest_rows
