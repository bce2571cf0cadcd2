// The heap pages of rows that an index scan is about to return.
//
// The executor fetches each row after it was returned, a page at a time, and waits for memory at every step:
// the table of buffers, the buffer's header, the page's, the line pointer, the row. A scan that knows its
// next rows asks for all of that ahead, and leaves in the scan's description the page that the next fetch
// needs, so that the fetch finds it pinned. What the fetch would do besides it does here: prune the page if
// that is due.
#pragma once

#include "boundary/boundary.hpp"
#include "core/tree/page.hpp"

extern "C" {
#include "access/relscan.h"
}

#include <span>

namespace soup::tree {

class RowsAhead {
public:
    static constexpr std::size_t most = 16;
    /// These rows, `most` of them at most, will be returned soon. Only a hint.
    static void approach(IndexScanDesc scan, std::span<const HeapAddress> rows) noexcept;
    /// Pins the page of the row that is returned now. Of no effect where rows do not lie in a heap.
    static void pin_page(IndexScanDesc scan, HeapAddress row);
};

} // namespace soup::tree
