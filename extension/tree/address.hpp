// A row's address between the tree's form and the server's: the same six bytes.
#pragma once

#include "boundary/postgres.hpp"
#include "core/tree/page.hpp"

extern "C" {
#include "storage/itemptr.h"
}

namespace soup::tree {

static_assert(sizeof(HeapAddress) == sizeof(ItemPointerData));

inline HeapAddress to_address(const ItemPointerData& row) noexcept {
    return {row.ip_blkid.bi_hi, row.ip_blkid.bi_lo, row.ip_posid};
}
inline ItemPointerData to_item_pointer(HeapAddress address) noexcept {
    return {{address.block_high, address.block_low}, address.offset};
}

} // namespace soup::tree
