// The plan nodes of this room, as paths name them.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "nodes/extensible.h"
}

namespace soup::planner {

/// Executor's sides of nearest_path.hpp and count_path.hpp.
const CustomPathMethods* nearest_rows_node() noexcept;
const CustomPathMethods* count_in_index_node() noexcept;

/// Each makes its node known to the server. Once per session.
void register_nearest_rows();
void register_count_in_index();

} // namespace soup::planner
