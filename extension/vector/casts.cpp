// Casts: vector to vector (which checks the type modifier), arrays to vector, vector to real[].
#include "vector/vector.hpp"

extern "C" {
#include "utils/fmgrprotos.h"
}

namespace soup::vector {
namespace {

/// Elements of fixed size lie one after the other, also behind a null bitmap that marks nothing.
template<class Element>
void copy_elements(const ArrayType* array, int count, float* to) {
    const char* from = ARR_DATA_PTR(array);
    for (int i = 0; i < count; ++i) {
        Element element;
        std::memcpy(&element, from + sizeof element * static_cast<std::size_t>(i), sizeof element);
        to[i] = static_cast<float>(element);
    }
}

void copy_numerics(ArrayType* array, float* to) {
    Datum* elements;
    int count;
    deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &elements, nullptr, &count);
    for (int i = 0; i < count; ++i)
        to[i] = DatumGetFloat4(DirectFunctionCall1(numeric_float4, elements[i]));
    pfree(elements);
}

void copy_array(ArrayType* array, int count, float* to) {
    switch (ARR_ELEMTYPE(array)) {
    case INT4OID:
        return copy_elements<int32>(array, count, to);
    case FLOAT4OID:
        return copy_elements<float4>(array, count, to);
    case FLOAT8OID:
        return copy_elements<float8>(array, count, to);
    case NUMERICOID:
        return copy_numerics(array, to);
    default:
        throw Error("22000", "", "unsupported array type");
    }
}

} // namespace
} // namespace soup::vector

using namespace soup::vector;

SOUP_FUNCTION(svec_cast) {
    check_expected(PG_GETARG_INT32(1), dimensions_of(PG_GETARG_DATUM(0)));
    PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

SOUP_FUNCTION(svec_from_array) {
    ArrayType* array = PG_GETARG_ARRAYTYPE_P(0);
    if (ARR_NDIM(array) > 1) throw soup::Error("22000", "", "array must be 1-D");
    if (array_contains_nulls(array)) throw soup::Error("22004", "", "array must not contain nulls");
    const int count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
    check_dimensions(count);
    check_expected(PG_GETARG_INT32(1), count);

    Vector* vector = allocate(count);
    copy_array(array, count, vector->elements);
    check_finite(vector->elements, count);
    PG_RETURN_POINTER(vector);
}

SOUP_FUNCTION(svec_to_float4) {
    const View vector = view(PG_GETARG_DATUM(0));
    const std::size_t bytes = sizeof(float4) * static_cast<std::size_t>(vector.dimensions);
    const std::size_t size = ARR_OVERHEAD_NONULLS(1) + bytes;
    auto* array = static_cast<ArrayType*>(palloc(size));
    SET_VARSIZE(array, size);
    array->ndim = 1;
    array->dataoffset = 0; // No null bitmap.
    array->elemtype = FLOAT4OID;
    ARR_DIMS(array)[0] = vector.dimensions;
    ARR_LBOUND(array)[0] = 1;
    std::memcpy(ARR_DATA_PTR(array), vector.elements, bytes);
    PG_RETURN_ARRAYTYPE_P(array);
}
