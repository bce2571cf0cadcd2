// The visibility map is read without a lock, as by the executor's index-only scans: a bit that is set while
// the leaf is pinned says that every snapshot sees the page's rows that are still in the index.
#include "vtree/visible_rows.hpp"

#include "tree/address.hpp"

extern "C" {
#include "access/tableam.h"
#include "access/visibilitymap.h"
#include "executor/tuptable.h"
}

namespace soup::vtree {

VisibleRows::VisibleRows(Relation heap, Snapshot snapshot) : heap_(heap), snapshot_(snapshot) {
    pg::call([&] {
        slot_ = table_slot_create(heap_, nullptr);
        fetch_ = table_index_fetch_begin(heap_);
    });
}

VisibleRows::~VisibleRows() {
    // After an ERROR the abort lets go of all this.
    if (pg::server_error_unwinding()) return;
    if (map_page_ != InvalidBuffer) ReleaseBuffer(map_page_);
    table_index_fetch_end(fetch_);
    ExecDropSingleTupleTableSlot(slot_);
}

std::size_t VisibleRows::look_at(std::span<const tree::HeapAddress> rows, std::vector<char>& is_visible) {
    is_visible.resize(rows.size());
    return pg::call([&] {
        std::size_t count = 0;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const BlockNumber block = BlockNumber{rows[i].block_high} << 16 | rows[i].block_low;
            if (block != block_) {
                block_ = block;
                block_is_visible_ =
                    (visibilitymap_get_status(heap_, block, &map_page_) & VISIBILITYMAP_ALL_VISIBLE) != 0;
            }
            is_visible[i] = static_cast<char>(block_is_visible_ || is_in_heap(rows[i]));
            count += is_visible[i] != 0 ? 1 : 0;
        }
        // Another session may clear or set the bit before the next leaf is looked at.
        block_ = InvalidBlockNumber;
        return count;
    });
}

bool VisibleRows::is_in_heap(tree::HeapAddress row) {
    ItemPointerData address = tree::to_item_pointer(row);
    bool again = false, all_dead = false;
    const bool found = table_index_fetch_tuple(fetch_, &address, snapshot_, slot_, &again, &all_dead);
    ExecClearTuple(slot_);
    return found;
}

} // namespace soup::vtree
