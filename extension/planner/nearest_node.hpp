// The executor's side of nearest_path.hpp.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "nodes/extensible.h"
}

namespace soup::planner {

const CustomPathMethods* nearest_path_methods() noexcept;
/// Makes the node known to the server by its name. Once per session.
void register_nearest_node();

} // namespace soup::planner
