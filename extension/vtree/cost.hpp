// What a vtree scan costs.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "nodes/pathnodes.h"
}

namespace soup::vtree {

/// amcostestimate.
void estimate_cost(PlannerInfo* root, IndexPath* path, double loops, Cost* startup, Cost* total,
                   Selectivity* selectivity, double* correlation, double* pages);

} // namespace soup::vtree
