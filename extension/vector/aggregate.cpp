// The average. Its state is double precision[]: the count, then a sum per dimension; '{0}' before the first
// row.
//
// Inside an aggregate the state belongs to us and is changed in place, which saves an allocation and a copy
// of the whole state per row; called as plain functions, these leave their arguments alone.
#include "vector/vector.hpp"

namespace soup::vector {
namespace {

/// A state's parts; `values[0]` is the count, the sums begin at `values + 1`.
struct State {
    ArrayType* array;
    double* values;
    int dimensions;
};

State checked_state(ArrayType* array, const char* caller) {
    // Anybody can call these functions with any array.
    if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] < 1 || ARR_HASNULL(array) ||
        ARR_ELEMTYPE(array) != FLOAT8OID)
        throw Error("XX000", "", std::string(caller) + ": expected state array");
    return {array, reinterpret_cast<double*>(ARR_DATA_PTR(array)), ARR_DIMS(array)[0] - 1};
}

State new_state(int dimensions) {
    const std::size_t size =
        ARR_OVERHEAD_NONULLS(1) + sizeof(double) * (static_cast<std::size_t>(dimensions) + 1);
    auto* array = static_cast<ArrayType*>(palloc(size));
    SET_VARSIZE(array, size);
    array->ndim = 1;
    array->dataoffset = 0;
    array->elemtype = FLOAT8OID;
    ARR_DIMS(array)[0] = dimensions + 1;
    ARR_LBOUND(array)[0] = 1;
    return {array, reinterpret_cast<double*>(ARR_DATA_PTR(array)), dimensions};
}

/// The state itself where the caller is an aggregate, else a copy.
State writable(const State& state, FunctionCallInfo fcinfo) {
    if (AggCheckCallContext(fcinfo, nullptr)) return state;
    const State copy = new_state(state.dimensions);
    std::copy_n(state.values, state.dimensions + 1, copy.values);
    return copy;
}

} // namespace
} // namespace soup::vector

using namespace soup::vector;

SOUP_FUNCTION(svec_accum) {
    const State before = checked_state(PG_GETARG_ARRAYTYPE_P(0), "vector_accum");
    const View vector = view(PG_GETARG_DATUM(1));
    if (before.dimensions == 0) {
        const State first = new_state(vector.dimensions);
        std::fill_n(first.values + 1, vector.dimensions, 0.0);
        soup::simd::kernels().accumulate(first.values + 1, vector.elements,
                                         static_cast<std::size_t>(vector.dimensions));
        first.values[0] = before.values[0] + 1.0;
        PG_RETURN_ARRAYTYPE_P(first.array);
    }
    check_expected(before.dimensions, vector.dimensions);
    const State state = writable(before, fcinfo);
    state.values[0] += 1.0;
    if (!soup::simd::kernels().accumulate(state.values + 1, vector.elements,
                                          static_cast<std::size_t>(vector.dimensions)))
        refuse_overflow();
    PG_RETURN_ARRAYTYPE_P(state.array);
}

SOUP_FUNCTION(svec_combine) {
    const State left = checked_state(PG_GETARG_ARRAYTYPE_P(0), "vector_combine");
    const State right = checked_state(PG_GETARG_ARRAYTYPE_P(1), "vector_combine");
    // A worker that saw no row hands in an empty state.
    if (left.values[0] == 0.0) PG_RETURN_ARRAYTYPE_P(right.array);
    if (right.values[0] == 0.0) PG_RETURN_ARRAYTYPE_P(left.array);
    check_expected(left.dimensions, right.dimensions);
    const State both = writable(left, fcinfo);
    for (int i = 0; i <= both.dimensions; ++i) {
        both.values[i] += right.values[i];
        if (std::isinf(both.values[i])) refuse_overflow();
    }
    PG_RETURN_ARRAYTYPE_P(both.array);
}

SOUP_FUNCTION(svec_avg) {
    const State state = checked_state(PG_GETARG_ARRAYTYPE_P(0), "vector_avg");
    const double count = state.values[0];
    if (count == 0.0) PG_RETURN_NULL(); // The average of no rows.
    check_dimensions(state.dimensions);
    Vector* average = allocate(state.dimensions);
    for (int i = 0; i < state.dimensions; ++i)
        average->elements[i] = static_cast<float>(state.values[i + 1] / count);
    check_finite(average->elements, state.dimensions);
    PG_RETURN_POINTER(average);
}
