// Whether a point lies in a box or ball, and whether boxes meet; borders included.
//
// These functions are LEAKPROOF, so that the planner may use them under row-level security: they are total,
// and nothing about a row shows but the answer. Different dimensions are therefore no error, but never
// inside. What decides is the same as on vtree's pages: floats are compared, and the distance to a ball's
// centre is summed up in double, dimension by dimension.
#include "core/vtree/region.hpp"
#include "vector/regions.hpp"

namespace soup::vector {
namespace {

bool is_in_box(Datum point, Datum region) {
    const View at = view(point);
    const BoxView box = view_box(region);
    if (at.dimensions != box.dimensions) return false;
    for (int j = 0; j < box.dimensions; ++j) {
        const float value = element(at, j);
        if (!(value_at(box.lower, j) <= value && value <= value_at(box.upper, j))) return false;
    }
    return true;
}

bool is_in_ball(Datum point, Datum region) {
    const View at = view(point);
    const BallView ball = view_ball(region);
    if (at.dimensions != ball.dimensions) return false;
    const double squared =
        vtree::squared_distance(at.elements, ball.centre, static_cast<unsigned>(at.dimensions));
    return squared <= ball.radius * ball.radius;
}

} // namespace
} // namespace soup::vector

using namespace soup::vector;

SOUP_FUNCTION(svec_in_vbox) {
    PG_RETURN_BOOL(is_in_box(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
}
SOUP_FUNCTION(svec_vbox_contains) {
    PG_RETURN_BOOL(is_in_box(PG_GETARG_DATUM(1), PG_GETARG_DATUM(0)));
}
SOUP_FUNCTION(svec_in_vball) {
    PG_RETURN_BOOL(is_in_ball(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
}
SOUP_FUNCTION(svec_vball_contains) {
    PG_RETURN_BOOL(is_in_ball(PG_GETARG_DATUM(1), PG_GETARG_DATUM(0)));
}

SOUP_FUNCTION(svec_vbox_overlaps) {
    const BoxView a = view_box(PG_GETARG_DATUM(0)), b = view_box(PG_GETARG_DATUM(1));
    if (a.dimensions != b.dimensions) PG_RETURN_BOOL(false);
    for (int j = 0; j < a.dimensions; ++j)
        if (value_at(a.upper, j) < value_at(b.lower, j) || value_at(b.upper, j) < value_at(a.lower, j))
            PG_RETURN_BOOL(false);
    PG_RETURN_BOOL(true);
}
