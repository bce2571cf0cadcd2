// The visibility map is read without a lock, as by the executor's index-only scans: a bit that is set while
// the leaf is pinned says that every snapshot sees the page's rows that are still in the index.
#include "vtree/visible_rows.hpp"

#include "tree/address.hpp"
#include "tree/server_page.hpp"

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
            const bool sees = is_all_visible(block) || is_in_heap(rows[i]);
            is_visible[i] = static_cast<char>(sees);
            count += sees ? 1 : 0;
        }
        return count;
    });
}

/// What visibilitymap_get_status() says, without its call for each row: two bits per heap page, four heap
/// pages per byte, after the page header. Rows of a leaf lie all over the heap, and one page of the map
/// covers 256 MB.
bool VisibleRows::is_all_visible(BlockNumber block) {
    constexpr BlockNumber blocks_a_byte = BITS_PER_BYTE / BITS_PER_HEAPBLOCK;
    constexpr BlockNumber blocks_a_page = (BLCKSZ - MAXALIGN(SizeOfPageHeaderData)) * blocks_a_byte;
    if (map_ == nullptr || block / blocks_a_page != map_number_) {
        const bool is_visible =
            (visibilitymap_get_status(heap_, block, &map_page_) & VISIBILITYMAP_ALL_VISIBLE) != 0;
        // No buffer: the map does not reach so far yet.
        map_ = BufferIsValid(map_page_) ? pg::bytes_of(map_page_) + MAXALIGN(SizeOfPageHeaderData) : nullptr;
        map_number_ = block / blocks_a_page;
        return is_visible;
    }
    const BlockNumber at = block % blocks_a_page;
    const auto bits =
        std::to_integer<unsigned>(map_[at / blocks_a_byte]) >> (at % blocks_a_byte * BITS_PER_HEAPBLOCK);
    return (bits & VISIBILITYMAP_ALL_VISIBLE) != 0;
}

bool VisibleRows::is_in_heap(tree::HeapAddress row) {
    ItemPointerData address = tree::to_item_pointer(row);
    bool again = false, all_dead = false;
    const bool found = table_index_fetch_tuple(fetch_, &address, snapshot_, slot_, &again, &all_dead);
    ExecClearTuple(slot_);
    return found;
}

} // namespace soup::vtree
