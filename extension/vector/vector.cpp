// Checks, the slow ways of reading, and allocation. The wording of the refusals is what pgvector's clients
// know.
#include "vector/vector.hpp"

extern "C" {
#include "access/detoast.h"
}

namespace soup::vector {

void refuse_different_dimensions(int a, int b) {
    throw Error("22000", "",
                "different vector dimensions " + std::to_string(a) + " and " + std::to_string(b));
}

void refuse_overflow() {
    throw Error("22003", "", "value out of range: overflow");
}

void refuse_underflow() {
    throw Error("22003", "", "value out of range: underflow");
}

void refuse_damaged(int dimensions, std::size_t bytes) {
    throw Error("XX001", "", "vector is damaged",
                "It says " + std::to_string(dimensions) + " dimensions and holds " + std::to_string(bytes) +
                    " bytes.");
}

void check_dimensions(int dimensions) {
    if (dimensions < 1) throw Error("22000", "", "vector must have at least 1 dimension");
    if (dimensions > max_dimensions)
        throw Error("54000", "",
                    "vector cannot have more than " + std::to_string(max_dimensions) + " dimensions");
}

void check_expected(int type_modifier, int dimensions) {
    if (type_modifier != -1 && type_modifier != dimensions)
        throw Error("22000", "",
                    "expected " + std::to_string(type_modifier) + " dimensions, not " +
                        std::to_string(dimensions));
}

void check_finite(const float* elements, int dimensions) {
    if (simd::kernels().all_finite(elements, static_cast<std::size_t>(dimensions))) [[likely]]
        return;
    // The first bad element decides on the wording.
    for (int i = 0; i < dimensions; ++i) {
        if (std::isnan(elements[i])) throw Error("22000", "", "NaN not allowed in vector");
        if (std::isinf(elements[i])) throw Error("22000", "", "infinite value not allowed in vector");
    }
}

View view_toasted(const varlena* stored) {
    varlena* copy = detoast_attr(const_cast<varlena*>(stored));
    View view = view_of(VARDATA(copy), VARSIZE(copy) - VARHDRSZ);
    view.copied = true;
    return view;
}

int dimensions_of(Datum datum) {
    const auto* stored = reinterpret_cast<const varlena*>(DatumGetPointer(datum));
    if (VARATT_IS_EXTERNAL(stored) || VARATT_IS_COMPRESSED(stored))
        // The pointer into the TOAST table and the compressed form know the plain size.
        return static_cast<int>((toast_raw_datum_size(datum) - offsetof(Vector, elements)) / sizeof(float));
    return view(datum).dimensions;
}

Vector* allocate(int dimensions) {
    const std::size_t size = size_of(dimensions);
    auto* vector = static_cast<Vector*>(palloc(size));
    SET_VARSIZE(vector, size);
    vector->dimensions = static_cast<std::int16_t>(dimensions);
    vector->unused = 0;
    return vector;
}

} // namespace soup::vector
