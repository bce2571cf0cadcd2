// soup.position_in_box: the box predicate on a stored position, coordinate by coordinate.
//
// LEAKPROOF, and therefore total: dimensions that differ are an answer (false), not an error.
#include "boundary/datum.hpp"
#include "vector/vector.hpp"

namespace {

/// A double precision[] in place; the serving functions have refused nulls and several dimensions before.
std::span<const double> doubles(const ArrayType* array) {
    if (ARR_NDIM(array) != 1 || ARR_HASNULL(array) || ARR_ELEMTYPE(array) != FLOAT8OID) return {};
    return {reinterpret_cast<const double*>(ARR_DATA_PTR(array)),
            static_cast<std::size_t>(ARR_DIMS(array)[0])};
}

} // namespace

// Called once a row: no C++ object is alive, so the server may fetch what is not in line without a trap.
SOUP_FUNCTION(soup_position_in_box) {
    // Only the layout is shared with soupvec: its functions live in another library.
    auto* position = reinterpret_cast<soup::vector::Vector*>(PG_DETOAST_DATUM(fcinfo->args[0].value));
    std::span<const double> const lo = doubles(DatumGetArrayTypeP(fcinfo->args[1].value));
    std::span<const double> const hi = doubles(DatumGetArrayTypeP(fcinfo->args[2].value));
    auto const dimensions = static_cast<std::size_t>(position->dimensions);
    if (lo.size() != dimensions || hi.size() != dimensions) return BoolGetDatum(false);
    for (std::size_t i = 0; i < dimensions; ++i) {
        double const coordinate = static_cast<double>(position->elements[i]);
        if (!(coordinate >= lo[i] && coordinate <= hi[i])) return BoolGetDatum(false);
    }
    return BoolGetDatum(true);
}
