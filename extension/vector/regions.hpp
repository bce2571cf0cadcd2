// The types vbox and vball as they lie in a datum, and the ways into them.
//
//     vbox     varlena header, int16 dimension, int16 unused (0), lower corner, upper corner (float4 each)
//     vball    varlena header, int16 dimension, int16 unused (0), float8 radius, centre (float4 each)
//
// A datum from a table may have a header of one byte, so nothing in it is aligned: read it through a view.
#pragma once

#include "core/vtree/region_text.hpp"
#include "vector/vector.hpp"

namespace soup::vector {

struct BoxView {
    const float *lower, *upper; ///< Not aligned.
    std::int32_t dimensions;
};
struct BallView {
    const float* centre; ///< Not aligned.
    double radius;
    std::int32_t dimensions;
};

/// In place, unless the datum is toasted. XX001 if it is damaged.
BoxView view_box(Datum datum);
BallView view_ball(Datum datum);

inline float value_at(const float* values, int i) {
    float value;
    std::memcpy(&value, values + i, sizeof value);
    return value;
}

} // namespace soup::vector
