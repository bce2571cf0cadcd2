// Distances: the functions behind <->, <#>, <=>, <+> and those that index support asks for.
//
// Each is one look at the two datums, one comparison of dimensions and one call through the kernels' table.
#include "vector/distance.hpp"

#include "vector/vector.hpp"

extern "C" {
#include "miscadmin.h"
#include "storage/bufmgr.h"
}

namespace soup::vector {
namespace {

/// Asks for what a scan will want a page later. Rows of one size lie at the same places in every page, and
/// the next page of a table that is read in order lies mostly as far from this one as this one from the one
/// before: tables are read into buffers that follow each other, upwards in a new server, and downwards where
/// dropped tables gave buffers back. Without this most of a distance is waiting for memory: the heap fills a
/// page from its end, so rows come in a direction that the processor does not foresee. To ask for the next
/// row only would be too late, a row is compared faster than it comes. A prefetch never faults, and where the
/// guess is wrong it is merely useless. Only for what lies in a buffer: a constant has no next.
struct Ahead {
    std::uintptr_t page = 0;
    std::ptrdiff_t step = BLCKSZ; ///< From the page before to `page`, in bytes.

    /// Always inlined: as a function it has no effect in the eyes of GCC, which drops calls of such.
    [[gnu::always_inline]] void prefetch_next(const View& row) {
        constexpr std::ptrdiff_t line = 64;
        // A short row is there already, by way of its neighbours.
        if (row.dimensions < 24) return;
        const char* here = reinterpret_cast<const char*>(row.elements);
        // As integers, because `here` may lie anywhere; below the first buffer the difference wraps.
        const auto in_buffers =
            reinterpret_cast<std::uintptr_t>(here) - reinterpret_cast<std::uintptr_t>(BufferBlocks);
        if (in_buffers >= static_cast<std::uintptr_t>(NBuffers) * BLCKSZ) return;
        if (const std::uintptr_t now = in_buffers / BLCKSZ; now != page) {
            step = static_cast<std::ptrdiff_t>(now - page) * BLCKSZ;
            page = now;
        }
        // From the row's header and its other columns on, which stand in the 64 bytes before.
        const char* next = here - line + step;
        for (std::ptrdiff_t at = 0; at < std::ptrdiff_t{4} * row.dimensions + 2 * line; at += line)
            __builtin_prefetch(next + at);
    }
};

struct Pair {
    const float* a;
    const float* b;
    std::size_t n;
};

/// Always inlined, because it is as long as some of the kernels.
[[gnu::always_inline]] inline Pair pair_of(FunctionCallInfo fcinfo) {
    const View a = view(PG_GETARG_DATUM(0)), b = view(PG_GETARG_DATUM(1));
    check_same(a, b);
    static Ahead ahead_of_a, ahead_of_b;
    ahead_of_a.prefetch_next(a);
    ahead_of_b.prefetch_next(b);
    return {a.elements, b.elements, static_cast<std::size_t>(a.dimensions)};
}

} // namespace
} // namespace soup::vector

using namespace soup::vector;
using soup::simd::kernels;

SOUP_FUNCTION(svec_l2_distance) {
    const Pair pair = pair_of(fcinfo);
    PG_RETURN_FLOAT8(std::sqrt(static_cast<double>(kernels().l2_squared(pair.a, pair.b, pair.n))));
}

SOUP_FUNCTION(svec_l2_squared_distance) {
    const Pair pair = pair_of(fcinfo);
    PG_RETURN_FLOAT8(kernels().l2_squared(pair.a, pair.b, pair.n));
}

SOUP_FUNCTION(svec_inner_product) {
    const Pair pair = pair_of(fcinfo);
    PG_RETURN_FLOAT8(kernels().inner_product(pair.a, pair.b, pair.n));
}

SOUP_FUNCTION(svec_negative_inner_product) {
    const Pair pair = pair_of(fcinfo);
    PG_RETURN_FLOAT8(-kernels().inner_product(pair.a, pair.b, pair.n));
}

SOUP_FUNCTION(svec_cosine_distance) {
    const Pair pair = pair_of(fcinfo);
    const soup::simd::CosineParts parts = kernels().cosine(pair.a, pair.b, pair.n);
    // One root of the product: two roots would lose a bit more. NaN for a zero vector, as in pgvector, and
    // std::clamp hands a NaN through.
    const double norms = std::sqrt(static_cast<double>(parts.norm_a) * static_cast<double>(parts.norm_b));
    PG_RETURN_FLOAT8(1.0 - std::clamp(static_cast<double>(parts.dot) / norms, -1.0, 1.0));
}

SOUP_FUNCTION(svec_l1_distance) {
    const Pair pair = pair_of(fcinfo);
    PG_RETURN_FLOAT8(kernels().l1(pair.a, pair.b, pair.n));
}

// The angle between unit vectors as a fraction of half a turn, for clustering on the sphere: unlike the
// cosine distance it satisfies the triangle inequality.
SOUP_FUNCTION(svec_spherical_distance) {
    const Pair pair = pair_of(fcinfo);
    const double cosine = kernels().inner_product(pair.a, pair.b, pair.n);
    PG_RETURN_FLOAT8(std::acos(std::clamp(cosine, -1.0, 1.0)) / M_PI);
}

namespace soup::vector {

bool is_distance(Oid function) {
    FmgrInfo info;
    fmgr_info(function, &info);
    const PGFunction distances[] = {svec_l2_distance, svec_negative_inner_product, svec_cosine_distance,
                                    svec_l1_distance};
    return std::ranges::find(distances, info.fn_addr) != std::end(distances);
}

} // namespace soup::vector
