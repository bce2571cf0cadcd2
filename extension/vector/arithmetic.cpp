// Vectors out of vectors: sum, difference, product, concatenation, part, normalised; and norm and dimension.
#include "vector/vector.hpp"

namespace soup::vector {
namespace {

/// A result of a and b element by element, and where its elements came from.
struct Combined {
    View a, b;
    Vector* result;
};

/// A vector of the same dimension as both arguments, ready to be filled.
Combined combining(FunctionCallInfo fcinfo) {
    const View a = view(PG_GETARG_DATUM(0)), b = view(PG_GETARG_DATUM(1));
    check_same(a, b);
    return {a, b, allocate(a.dimensions)};
}

std::size_t length(const View& view) {
    return static_cast<std::size_t>(view.dimensions);
}

/// Says which way a product left the range; the first such element counts, as in pgvector.
[[noreturn]] void refuse_product(const Combined& product) {
    for (int i = 0; i < product.result->dimensions; ++i) {
        if (std::isinf(product.result->elements[i])) refuse_overflow();
        if (product.result->elements[i] == 0 && element(product.a, i) != 0 && element(product.b, i) != 0)
            refuse_underflow();
    }
    refuse_overflow();
}

} // namespace
} // namespace soup::vector

using namespace soup::vector;
using soup::simd::kernels;

SOUP_FUNCTION(svec_add) {
    const Combined sum = combining(fcinfo);
    if (!kernels().add(sum.a.elements, sum.b.elements, sum.result->elements, length(sum.a)))
        refuse_overflow();
    PG_RETURN_POINTER(sum.result);
}

SOUP_FUNCTION(svec_sub) {
    const Combined difference = combining(fcinfo);
    if (!kernels().sub(difference.a.elements, difference.b.elements, difference.result->elements,
                       length(difference.a)))
        refuse_overflow();
    PG_RETURN_POINTER(difference.result);
}

SOUP_FUNCTION(svec_mul) {
    const Combined product = combining(fcinfo);
    if (!kernels().mul(product.a.elements, product.b.elements, product.result->elements, length(product.a)))
        refuse_product(product);
    PG_RETURN_POINTER(product.result);
}

SOUP_FUNCTION(svec_concat) {
    const View a = view(PG_GETARG_DATUM(0)), b = view(PG_GETARG_DATUM(1));
    check_dimensions(a.dimensions + b.dimensions);
    Vector* joined = allocate(a.dimensions + b.dimensions);
    std::memcpy(joined->elements, a.elements, sizeof(float) * length(a));
    std::memcpy(joined->elements + a.dimensions, b.elements, sizeof(float) * length(b));
    PG_RETURN_POINTER(joined);
}

// Elements from the 1-based `start` on, `count` of them, cut to those that exist, as substring() does.
SOUP_FUNCTION(svec_subvector) {
    const View vector = view(PG_GETARG_DATUM(0));
    const std::int64_t start = PG_GETARG_INT32(1), count = PG_GETARG_INT32(2);
    check_dimensions(static_cast<int>(std::min<std::int64_t>(count, 1)));
    const auto first = std::max<std::int64_t>(start, 1);
    const auto end = std::min<std::int64_t>(start + count, std::int64_t{vector.dimensions} + 1);
    check_dimensions(static_cast<int>(std::max<std::int64_t>(end - first, 0)));
    Vector* part = allocate(static_cast<int>(end - first));
    std::memcpy(part->elements, vector.elements + (first - 1),
                sizeof(float) * static_cast<std::size_t>(end - first));
    PG_RETURN_POINTER(part);
}

SOUP_FUNCTION(svec_dims) {
    PG_RETURN_INT32(dimensions_of(PG_GETARG_DATUM(0)));
}

SOUP_FUNCTION(svec_norm) {
    const View vector = view(PG_GETARG_DATUM(0));
    PG_RETURN_FLOAT8(std::sqrt(kernels().squared_norm(vector.elements, length(vector))));
}

SOUP_FUNCTION(svec_normalize) {
    const View vector = view(PG_GETARG_DATUM(0));
    const double norm = std::sqrt(kernels().squared_norm(vector.elements, length(vector)));
    Vector* unit = allocate(vector.dimensions);
    if (norm > 0) {
        if (!kernels().divide(vector.elements, norm, unit->elements, length(vector))) refuse_overflow();
    } else {
        std::fill_n(unit->elements, vector.dimensions, 0.0f);
    }
    PG_RETURN_POINTER(unit);
}
