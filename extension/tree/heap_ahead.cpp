// heapam's fetch keeps the page of the last row pinned, and looks for a page only if the next row lies on
// another one; enter() puts the next row's page there. What heapam does besides on its way to another page,
// pruning it if that is due, is done here as well.
#include "tree/heap_ahead.hpp"

#include "tree/address.hpp"
#include "tree/recent_buffers.hpp"
#include "tree/server_page.hpp"

#include <algorithm>
#include <array>
#include <utility>

extern "C" {
#include "access/heapam.h"
}

namespace soup::tree {
namespace {

bool is_heap(IndexScanDesc scan) noexcept {
    return scan->xs_heapfetch != nullptr && scan->heapRelation->rd_tableam == GetHeapamTableAmRoutine();
}

} // namespace

/// In steps, each of which touches what the step before has asked for, of all rows. Reads without a pin, so
/// the bytes may be another page's by now: nothing depends on them.
void HeapAhead::approach(IndexScanDesc scan, std::span<const HeapAddress> rows) noexcept {
    if (!is_heap(scan)) return;
    rows = rows.first(std::min(rows.size(), 2 * rows_at_once));
    std::array<BlockNumber, 2 * rows_at_once> blocks;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const ItemPointerData row = to_item_pointer(rows[i]);
        blocks[i] = ItemPointerGetBlockNumberNoCheck(&row);
        RecentBuffers::approach(scan->heapRelation, blocks[i]);
    }
    struct Place {
        const std::byte* page;
        const ItemIdData* line;
    };
    std::array<Place, rows_at_once> places;
    std::size_t count = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const Buffer guess = RecentBuffers::guess(scan->heapRelation, blocks[i]);
        if (guess == InvalidBuffer || rows[i].offset - 1U >= MaxHeapTuplesPerPage) continue;
        const std::byte* page = pg::bytes_of(guess);
        const auto* line =
            reinterpret_cast<const ItemIdData*>(page + SizeOfPageHeaderData) + rows[i].offset - 1;
        __builtin_prefetch(GetBufferDescriptor(static_cast<std::uint32_t>(guess - 1)));
        __builtin_prefetch(page);
        __builtin_prefetch(line);
        if (i < rows_at_once) places[count++] = {page, line};
    }
    // A line pointer says where on its page the tuple is.
    for (std::size_t i = 0; i < count; ++i) {
        const std::byte* tuple = places[i].page + places[i].line->lp_off % page_bytes;
        __builtin_prefetch(tuple);
        __builtin_prefetch(tuple + 32); // The end of a small one.
    }
}

void HeapAhead::enter(IndexScanDesc scan) {
    if (!is_heap(scan)) return;
    Relation heap = scan->heapRelation;
    Buffer& current = reinterpret_cast<IndexFetchHeapData*>(scan->xs_heapfetch)->xs_cbuf;
    const BlockNumber block = ItemPointerGetBlockNumber(&scan->xs_heaptid);
    if (BufferIsValid(current)) {
        if (BufferGetBlockNumber(current) == block) return;
        ReleaseBuffer(std::exchange(current, InvalidBuffer));
    }
    current = RecentBuffers::read(heap, MAIN_FORKNUM, block, nullptr);
    if (pg::may_be_pruned(current)) heap_page_prune_opt(heap, current);
}

} // namespace soup::tree
