// The executor's side of count_path.hpp.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "nodes/extensible.h"
}

namespace soup::planner::counting {

const CustomPathMethods* methods() noexcept;
/// Makes the node known to the server by its name. Once per session.
void register_node();

} // namespace soup::planner::counting
