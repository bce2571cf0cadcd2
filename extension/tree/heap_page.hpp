// Whether a row's address leads to something, looked up a heap page at a time.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "storage/bufmgr.h"
#include "storage/itemptr.h"
#include "utils/rel.h"
}

namespace soup::pg {

class HeapPage {
public:
    explicit HeapPage(Relation heap);
    ~HeapPage();
    HeapPage(const HeapPage&) = delete;
    HeapPage& operator=(const HeapPage&) = delete;

    /// Null if the address may be in an index, else what is wrong with it. Ascending addresses read each page
    /// once.
    const char* fault_of(ItemPointerData row);

private:
    Relation heap_;
    BlockNumber blocks_ = 0;
    Buffer buffer_ = InvalidBuffer; ///< Pinned, not locked.
    bool is_heap_;                  ///< Another table access method's addresses mean something else.
};

} // namespace soup::pg
