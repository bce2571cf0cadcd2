// Line pointers under a share lock. An index may hold the address of a row that is dead already (its line
// pointer is dead or redirected until vacuum), never that of an unused pointer or of a heap-only tuple.
#include "tree/heap_page.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/htup_details.h"
}

namespace soup::pg {
namespace {

/// Server code.
const char* fault_on_page(Buffer buffer, OffsetNumber offset) {
    const auto page = BufferGetPage(buffer);
    if (offset < FirstOffsetNumber || offset > PageGetMaxOffsetNumber(page)) return "no such line pointer";
    ItemId line = PageGetItemId(page, offset);
    if (!ItemIdIsUsed(line)) return "the line pointer is unused";
    if (ItemIdIsNormal(line) &&
        HeapTupleHeaderIsHeapOnly(reinterpret_cast<HeapTupleHeader>(PageGetItem(page, line))))
        return "the row is heap-only";
    return nullptr;
}

} // namespace

HeapPage::HeapPage(Relation heap) : heap_(heap), is_heap_(heap->rd_tableam == GetHeapamTableAmRoutine()) {
    if (is_heap_) blocks_ = call([=] { return RelationGetNumberOfBlocks(heap); });
}

HeapPage::~HeapPage() {
    if (buffer_ != InvalidBuffer && !server_error_unwinding()) ReleaseBuffer(buffer_);
}

const char* HeapPage::fault_of(ItemPointerData row) {
    if (!is_heap_) return nullptr;
    const BlockNumber block = ItemPointerGetBlockNumberNoCheck(&row);
    if (block >= blocks_) return "the table ends before";
    return call([&] {
        CHECK_FOR_INTERRUPTS();
        if (buffer_ == InvalidBuffer || BufferGetBlockNumber(buffer_) != block) {
            if (buffer_ != InvalidBuffer) ReleaseBuffer(std::exchange(buffer_, InvalidBuffer));
            buffer_ = ReadBuffer(heap_, block);
        }
        LockBuffer(buffer_, BUFFER_LOCK_SHARE);
        const char* fault = fault_on_page(buffer_, ItemPointerGetOffsetNumberNoCheck(&row));
        LockBuffer(buffer_, BUFFER_LOCK_UNLOCK);
        return fault;
    });
}

} // namespace soup::pg
