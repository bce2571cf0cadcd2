// Order: element by element, then the shorter vector first, as the server orders arrays. 0 and -0 are equal.
#include "vector/vector.hpp"

namespace soup::vector {
namespace {

int order(const View& a, const View& b) {
    const int common = std::min(a.dimensions, b.dimensions);
    for (int i = 0; i < common; ++i) {
        const float x = element(a, i), y = element(b, i);
        if (x < y) return -1;
        if (x > y) return 1;
    }
    return (a.dimensions > b.dimensions) - (a.dimensions < b.dimensions);
}

int compare_arguments(FunctionCallInfo fcinfo) {
    const View a = view(PG_GETARG_DATUM(0)), b = view(PG_GETARG_DATUM(1));
    const int result = order(a, b);
    release(a);
    release(b);
    return result;
}

} // namespace
} // namespace soup::vector

using soup::vector::compare_arguments;

SOUP_FUNCTION(svec_cmp) {
    PG_RETURN_INT32(compare_arguments(fcinfo));
}
SOUP_FUNCTION(svec_lt) {
    PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}
SOUP_FUNCTION(svec_le) {
    PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}
SOUP_FUNCTION(svec_eq) {
    PG_RETURN_BOOL(compare_arguments(fcinfo) == 0);
}
SOUP_FUNCTION(svec_ne) {
    PG_RETURN_BOOL(compare_arguments(fcinfo) != 0);
}
SOUP_FUNCTION(svec_ge) {
    PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}
SOUP_FUNCTION(svec_gt) {
    PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}
