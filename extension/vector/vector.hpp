// The type vector as it lies in a datum, and the ways into and out of it.
//
// The layout is pgvector's, byte for byte, so that dumps, binary copies and pages mean the same: a varlena
// header, int16 dimension, int16 unused (0), float4 elements in the machine's order. A datum from a table may
// have a header of one byte, and then its elements are not aligned: read them through a View, whose pointer
// goes to the kernels (they need no alignment), never through Vector.
//
// Functions here call the server without a trap and throw soup::Error, both of which is safe because no frame
// above entry() holds an object with a destructor.
#pragma once

#include "boundary/boundary.hpp"
#include "core/simd/dispatch.hpp"

namespace soup::vector {

constexpr int max_dimensions = 16000;

/// A vector that this code made: aligned, with a header of four bytes.
struct Vector {
    std::int32_t header;
    std::int16_t dimensions;
    std::int16_t unused; ///< Always 0.
    float elements[FLEXIBLE_ARRAY_MEMBER];
};
static_assert(offsetof(Vector, elements) == VARHDRSZ + 4, "this is the layout on disk");

/// Where a datum's elements are. Small enough to stay in two registers.
struct View {
    const float* elements;
    std::int32_t dimensions;
    bool copied; ///< In what detoasting allocated, not in the datum itself.
};

// --- Refusals, with pgvector's words and SQLSTATEs -------------------------------------------------------

/// "different vector dimensions a and b", 22000.
[[noreturn]] void refuse_different_dimensions(int a, int b);
/// "value out of range: overflow" or underflow, 22003, after a kernel said that an element left the range.
[[noreturn]] void refuse_overflow();
[[noreturn]] void refuse_underflow();

/// Refuses fewer than 1 and more than max_dimensions.
void check_dimensions(int dimensions);
/// Refuses what the type modifier does not allow; -1 allows everything.
void check_expected(int type_modifier, int dimensions);
/// Refuses NaN and infinity.
void check_finite(const float* elements, int dimensions);

// --- Reading ---------------------------------------------------------------------------------------------

/// The slow ways of view(): a toasted datum, a damaged one.
View view_toasted(const varlena* stored);
[[noreturn]] void refuse_damaged(int dimensions, std::size_t bytes);

inline View view_of(const char* data, std::size_t bytes) {
    std::int16_t dimensions;
    std::memcpy(&dimensions, data, sizeof dimensions);
    if (bytes != 4 + sizeof(float) * static_cast<std::size_t>(dimensions)) [[unlikely]]
        refuse_damaged(dimensions, bytes);
    return {reinterpret_cast<const float*>(data + 4), dimensions, false};
}

/// The datum's elements, in place unless it is toasted. This is the hot path of every scan: no palloc, no
/// trap, no call.
[[gnu::always_inline]] inline View view(Datum datum) {
    const auto* stored = reinterpret_cast<const varlena*>(DatumGetPointer(datum));
    if (VARATT_IS_4B_U(stored)) [[likely]]
        return view_of(VARDATA(stored), VARSIZE(stored) - VARHDRSZ);
    if (VARATT_IS_SHORT(stored) && !VARATT_IS_EXTERNAL(stored))
        return view_of(VARDATA_SHORT(stored), VARSIZE_SHORT(stored) - VARHDRSZ_SHORT);
    return view_toasted(stored);
}

/// One element, which may not be aligned.
inline float element(const View& view, int i) {
    float value;
    std::memcpy(&value, view.elements + i, sizeof value);
    return value;
}

/// Gives back what view() allocated. Only comparisons need it, which a sort calls millions of times in one
/// memory context; elsewhere the context is reset after each row.
inline void release(const View& view) {
    // The copy is a Vector: aligned, with a header of four bytes.
    if (view.copied)
        pfree(const_cast<char*>(reinterpret_cast<const char*>(view.elements)) - offsetof(Vector, elements));
}

/// The dimension alone, without fetching a toasted datum.
int dimensions_of(Datum datum);

/// Refuses two vectors of different dimensions.
inline void check_same(const View& a, const View& b) {
    if (a.dimensions != b.dimensions) [[unlikely]]
        refuse_different_dimensions(a.dimensions, b.dimensions);
}

// --- Making ----------------------------------------------------------------------------------------------

/// A new vector whose elements are not set yet.
Vector* allocate(int dimensions);

inline std::size_t size_of(int dimensions) {
    return offsetof(Vector, elements) + sizeof(float) * static_cast<std::size_t>(dimensions);
}

} // namespace soup::vector
