// Casts: vector to vector (which checks the type modifier), arrays to vector and back.
#include "vector/vector.hpp"

extern "C" {
#include "utils/fmgrprotos.h"
#include "utils/float.h"
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

/// An array of one dimension without nulls, whose elements are not set yet.
template<class Element>
ArrayType* new_array(Oid type, int count) {
    const std::size_t size = ARR_OVERHEAD_NONULLS(1) + sizeof(Element) * static_cast<std::size_t>(count);
    auto* array = static_cast<ArrayType*>(palloc(size));
    SET_VARSIZE(array, size);
    array->ndim = 1;
    array->dataoffset = 0; // No null bitmap.
    array->elemtype = type;
    ARR_DIMS(array)[0] = count;
    ARR_LBOUND(array)[0] = 1;
    return array;
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
    ArrayType* array = new_array<float4>(FLOAT4OID, vector.dimensions);
    std::memcpy(ARR_DATA_PTR(array), vector.elements,
                sizeof(float4) * static_cast<std::size_t>(vector.dimensions));
    PG_RETURN_ARRAYTYPE_P(array);
}

SOUP_FUNCTION(svec_to_float8) {
    const View vector = view(PG_GETARG_DATUM(0));
    ArrayType* array = new_array<float8>(FLOAT8OID, vector.dimensions);
    auto* to = reinterpret_cast<float8*>(ARR_DATA_PTR(array));
    for (int i = 0; i < vector.dimensions; ++i)
        to[i] = element(vector, i);
    PG_RETURN_ARRAYTYPE_P(array);
}

// Rounds and refuses as the cast from real to integer does.
SOUP_FUNCTION(svec_to_int4) {
    const View vector = view(PG_GETARG_DATUM(0));
    ArrayType* array = new_array<int32>(INT4OID, vector.dimensions);
    auto* to = reinterpret_cast<int32*>(ARR_DATA_PTR(array));
    for (int i = 0; i < vector.dimensions; ++i) {
        const float rounded = std::rint(element(vector, i));
        if (!FLOAT4_FITS_IN_INT32(rounded)) throw soup::Error("22003", "", "integer out of range");
        to[i] = static_cast<int32>(rounded);
    }
    PG_RETURN_ARRAYTYPE_P(array);
}

SOUP_FUNCTION(svec_to_numeric) {
    const View vector = view(PG_GETARG_DATUM(0));
    auto* elements = static_cast<Datum*>(palloc(sizeof(Datum) * static_cast<std::size_t>(vector.dimensions)));
    for (int i = 0; i < vector.dimensions; ++i)
        elements[i] = DirectFunctionCall1(float4_numeric, Float4GetDatum(element(vector, i)));
    PG_RETURN_ARRAYTYPE_P(construct_array(elements, vector.dimensions, NUMERICOID, -1, false, TYPALIGN_INT));
}
