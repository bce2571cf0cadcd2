// heapam's own state of a fetch (IndexFetchHeapData) is a pinned buffer, which it keeps as long as the next
// row lies in the same page. Another pinned buffer in its place is just a row's page that the last row
// shared.
#include "tree/rows_ahead.hpp"

#include "tree/address.hpp"
#include "tree/recent_buffers.hpp"
#include "tree/server_page.hpp"

#include <array>

extern "C" {
#include "access/heapam.h"
#include "access/htup_details.h"
}

namespace soup::tree {
namespace {

bool is_heap(IndexScanDesc scan) noexcept {
    return scan->xs_heapfetch != nullptr && scan->heapRelation != nullptr &&
           scan->heapRelation->rd_tableam == GetHeapamTableAmRoutine();
}

/// Of a page that may be another one's by now.
const std::byte* line_pointer(const std::byte* page, OffsetNumber offset) noexcept {
    return page + (SizeOfPageHeaderData + (offset - 1) * sizeof(ItemIdData)) % BLCKSZ;
}

} // namespace

/// In steps, each of which touches what the step before has asked for, of all rows.
void RowsAhead::approach(IndexScanDesc scan, std::span<const HeapAddress> rows) noexcept {
    if (!is_heap(scan)) return;
    const Relation heap = scan->heapRelation;
    std::array<ItemPointerData, RowsAhead::most> items;
    std::array<const std::byte*, RowsAhead::most> pages;
    const std::size_t count = std::min(rows.size(), most);
    for (std::size_t i = 0; i < count; i++) {
        items[i] = to_item_pointer(rows[i]);
        RecentBuffers::approach(heap, ItemPointerGetBlockNumberNoCheck(&items[i]));
    }
    for (std::size_t i = 0; i < count; i++) {
        const Buffer guess =
            RecentBuffers::find(heap, MAIN_FORKNUM, ItemPointerGetBlockNumberNoCheck(&items[i]));
        pages[i] = guess == InvalidBuffer ? nullptr : pg::bytes_of(guess);
        if (pages[i] == nullptr) continue;
        __builtin_prefetch(pages[i]);
        __builtin_prefetch(line_pointer(pages[i], ItemPointerGetOffsetNumberNoCheck(&items[i])));
    }
    for (std::size_t i = 0; i < count; i++) {
        if (pages[i] == nullptr) continue;
        ItemIdData line;
        std::memcpy(&line, line_pointer(pages[i], ItemPointerGetOffsetNumberNoCheck(&items[i])), sizeof line);
        __builtin_prefetch(pages[i] + line.lp_off % BLCKSZ);
    }
}

void RowsAhead::pin_page(IndexScanDesc scan, HeapAddress row) {
    if (!is_heap(scan)) return;
    auto* fetch = reinterpret_cast<IndexFetchHeapData*>(scan->xs_heapfetch);
    const ItemPointerData item = to_item_pointer(row);
    const BlockNumber block = ItemPointerGetBlockNumberNoCheck(&item);
    if (BufferIsValid(fetch->xs_cbuf) && BufferGetBlockNumber(fetch->xs_cbuf) == block) return;
    pg::call([=] {
        if (BufferIsValid(fetch->xs_cbuf)) {
            ReleaseBuffer(fetch->xs_cbuf);
            fetch->xs_cbuf = InvalidBuffer;
        }
        fetch->xs_cbuf = RecentBuffers::read(scan->heapRelation, MAIN_FORKNUM, block, nullptr);
        heap_page_prune_opt(scan->heapRelation, fetch->xs_cbuf);
    });
}

} // namespace soup::tree
