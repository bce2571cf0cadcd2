// Which of an index's rows the statement's snapshot sees, by the visibility map where it knows, else by the
// heap.
#pragma once

#include "boundary/boundary.hpp"
#include "core/tree/page.hpp"

extern "C" {
#include "access/relscan.h"
#include "executor/tuptable.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/snapshot.h"
}

namespace soup::vtree {

class VisibleRows {
public:
    VisibleRows(Relation heap, Snapshot snapshot);
    ~VisibleRows();
    VisibleRows(const VisibleRows&) = delete;
    VisibleRows& operator=(const VisibleRows&) = delete;

    /// Whether the map alone says that all of them, at least one, are seen. The rows' leaf must be pinned.
    bool knows_all(std::span<const tree::HeapAddress> rows) {
        return pg::call([&] { return are_all_visible(rows); });
    }
    /// Overwrites `is_visible` with one entry per row. The rows' leaf must be pinned.
    void look_at(std::span<const tree::HeapAddress> rows, std::vector<char>& is_visible);

private:
    bool are_all_visible(std::span<const tree::HeapAddress> rows);
    bool are_all_visible(BlockNumber first, BlockNumber last);
    bool is_all_visible(BlockNumber block);
    bool is_in_heap(tree::HeapAddress row);

    Relation heap_;
    Snapshot snapshot_;
    bool trusts_map_;
    Buffer map_page_ = InvalidBuffer;
    IndexFetchTableData* fetch_ = nullptr;
    TupleTableSlot* slot_ = nullptr;
    const std::byte* map_ = nullptr; ///< The bits of map_page_; others set and clear them meanwhile.
    BlockNumber map_number_ = 0;     ///< Which page of the map it is.
};

} // namespace soup::vtree
