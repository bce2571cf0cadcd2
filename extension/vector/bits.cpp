// Bit strings: a vector's signs as bits, and the distances between such strings.
#include "vector/vector.hpp"

extern "C" {
#include "utils/varbit.h"
}

namespace soup::vector {
namespace {

struct BitPair {
    const std::uint8_t* a;
    const std::uint8_t* b;
    std::size_t bytes;
};

// The bits after the last one are 0 in every bit string, so whole bytes can be counted.
BitPair bit_pair_of(FunctionCallInfo fcinfo) {
    VarBit* a = PG_GETARG_VARBIT_P(0);
    VarBit* b = PG_GETARG_VARBIT_P(1);
    if (VARBITLEN(a) != VARBITLEN(b))
        throw Error("22000", "",
                    "different bit lengths " + std::to_string(VARBITLEN(a)) + " and " +
                        std::to_string(VARBITLEN(b)));
    return {VARBITS(a), VARBITS(b), static_cast<std::size_t>(VARBITBYTES(a))};
}

} // namespace
} // namespace soup::vector

using namespace soup::vector;
using soup::simd::kernels;

SOUP_FUNCTION(svec_binary_quantize) {
    const View vector = view(PG_GETARG_DATUM(0));
    const std::size_t size = VARBITTOTALLEN(vector.dimensions);
    auto* bits = static_cast<VarBit*>(palloc(size));
    SET_VARSIZE(bits, size);
    VARBITLEN(bits) = vector.dimensions;
    kernels().signs(vector.elements, VARBITS(bits), static_cast<std::size_t>(vector.dimensions));
    PG_RETURN_VARBIT_P(bits);
}

SOUP_FUNCTION(svec_hamming_distance) {
    const BitPair pair = bit_pair_of(fcinfo);
    PG_RETURN_FLOAT8(static_cast<double>(kernels().bits_different(pair.a, pair.b, pair.bytes)));
}

SOUP_FUNCTION(svec_jaccard_distance) {
    const BitPair pair = bit_pair_of(fcinfo);
    const soup::simd::BitOverlap overlap = kernels().bits_overlap(pair.a, pair.b, pair.bytes);
    if (overlap.both == 0) PG_RETURN_FLOAT8(1.0); // Also where neither has a bit set.
    PG_RETURN_FLOAT8(1.0 - static_cast<double>(overlap.both) / static_cast<double>(overlap.either));
}
