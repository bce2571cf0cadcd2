// Rows on their way from scans of the heap to a builder.
#pragma once

#include "tree/method.hpp"

#include <atomic>

extern "C" {
#include "access/relscan.h"
}

namespace soup::tree {

/// Some rows, evenly taken, in a random choice that is the same for the same heap: a build can be repeated.
void sample_rows(BulkBuilder& builder, Relation heap, Relation index, IndexInfo* info, const OpenIndex& open,
                 double heap_rows);

struct Loaded {
    double heap_rows;
    std::uint64_t rows; ///< That were indexed.
};
/// Where a share of the heap comes from. Without a scan it is all of it.
struct Share {
    TableScanDesc scan = nullptr;
    std::atomic<std::uint64_t>* rows_so_far = nullptr; ///< Rows that all processes have indexed.
};
Loaded load_rows(RowTaker& taker, Relation heap, Relation index, IndexInfo* info, const OpenIndex& open,
                 const Share& share);

} // namespace soup::tree
