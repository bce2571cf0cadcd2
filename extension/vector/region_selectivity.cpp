// How many vectors lie in a region, as the planner guesses: the share of the sampled vectors (the column's
// most common values and histogram, which ANALYZE keeps) that do.
//
// Where the region is not known yet, in a prepared statement's generic plan or in a join, it is taken for a
// place rather than for a part of the table: one row in 10,000. A larger guess would make the generic plan
// look dearer than it is, and every execution of a small question would be planned anew, which takes longer
// than answering it.
#include "vector/vector.hpp"

extern "C" {
#include "nodes/pathnodes.h"
#include "utils/selfuncs.h"
}

namespace {
constexpr double unknown_region_share = 1e-4;
}

SOUP_FUNCTION(svec_region_selectivity) {
    auto* root = reinterpret_cast<PlannerInfo*>(PG_GETARG_POINTER(0));
    auto* arguments = reinterpret_cast<List*>(PG_GETARG_POINTER(2));
    PG_RETURN_FLOAT8(generic_restriction_selectivity(root, PG_GETARG_OID(1), PG_GET_COLLATION(), arguments,
                                                     PG_GETARG_INT32(3), unknown_region_share));
}

SOUP_FUNCTION(svec_region_join_selectivity) {
    PG_RETURN_FLOAT8(unknown_region_share);
}
