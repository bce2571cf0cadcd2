// Binary form: int16 dimension, int16 unused = 0, then float4 elements, all in network order.
#include "vector/vector.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "port/pg_bswap.h"
}

using namespace soup::vector;

SOUP_FUNCTION(svec_recv) {
    auto* message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
    const auto dimensions = static_cast<std::int16_t>(pq_getmsgint(message, 2));
    const auto unused = static_cast<std::int16_t>(pq_getmsgint(message, 2));
    check_dimensions(dimensions);
    check_expected(PG_GETARG_INT32(2), dimensions);
    if (unused != 0) throw soup::Error("22000", "", "expected unused to be 0, not " + std::to_string(unused));

    const char* from = pq_getmsgbytes(message, 4 * dimensions);
    Vector* vector = allocate(dimensions);
    for (int i = 0; i < dimensions; ++i) {
        std::uint32_t bits;
        std::memcpy(&bits, from, sizeof bits);
        from += sizeof bits;
        vector->elements[i] = std::bit_cast<float>(pg_ntoh32(bits));
    }
    check_finite(vector->elements, dimensions);
    PG_RETURN_POINTER(vector);
}

SOUP_FUNCTION(svec_send) {
    const View vector = view(PG_GETARG_DATUM(0));
    const std::size_t size = size_of(vector.dimensions); // The binary form is as long as the datum.
    auto* message = static_cast<bytea*>(palloc(size));
    SET_VARSIZE(message, size);
    char* to = VARDATA(message);
    const std::uint16_t head[2] = {pg_hton16(static_cast<std::uint16_t>(vector.dimensions)), 0};
    std::memcpy(to, head, sizeof head);
    to += sizeof head;
    for (int i = 0; i < vector.dimensions; ++i) {
        const std::uint32_t bits = pg_hton32(std::bit_cast<std::uint32_t>(element(vector, i)));
        std::memcpy(to, &bits, sizeof bits);
        to += sizeof bits;
    }
    PG_RETURN_BYTEA_P(message);
}
