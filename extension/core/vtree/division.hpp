// Where a full page is divided (R*-tree: Beckmann, Kriegel, Schneider, Seeger, SIGMOD 1990).
#pragma once

#include "core/simd/boxes.hpp"

#include <cstdint>
#include <vector>

namespace soup::vtree {

/// The entries in a new order; the first `left` go to the left half.
struct Division {
    std::vector<std::uint16_t> order;
    unsigned left;
};

/// Divides boxes, or points given as boxes without extent (lower == upper). Both halves get at least two
/// fifths. Entries that are all equal are divided in the middle.
Division divide(const simd::BoxColumns& boxes);

} // namespace soup::vtree
