// Which functions are distances.
#pragma once

#include "boundary/boundary.hpp"

namespace soup::vector {

/// Whether a function is one of those behind <->, <#>, <=> and <+>. Server code.
bool is_distance(Oid function);

} // namespace soup::vector
