// From what SQL asks to what core/vtree scans for.
#pragma once

#include "boundary/boundary.hpp"
#include "core/vtree/region.hpp"

extern "C" {
#include "access/skey.h"
}

namespace soup::vtree {

/// Strategy numbers of the operator class vtree_ops.
enum Strategy : StrategyNumber { in_box = 1, in_ball = 2, nearest = 3 };
inline constexpr std::uint16_t strategies = 3;

/// Where all keys hold. A null, or a region of another dimension, holds nowhere.
Region region_of(std::span<const ScanKeyData> keys, unsigned dimensions);
void keep_box(Region& region, Datum box, unsigned dimensions);
void keep_ball(Region& region, Datum ball, unsigned dimensions);

/// The point that an order starts from; nothing for null. 22000 if its dimension is another.
std::optional<std::vector<float>> origin_of(const ScanKeyData& order, unsigned dimensions);

} // namespace soup::vtree
