// The table's side of an index scan: the rows that a scan is about to return are brought near before the
// executor asks for them.
//
// For each row the executor looks up the block's buffer in the server's table, reads the page's header, its
// line pointer, and the tuple: of rows that lie anywhere, each of these waits for memory, one after the
// other. A scan that knows its next rows asks for the memory of many at once (approach). And it pins the page
// by itself (enter), by the buffer that the session remembers: the server's fetch finds the page already in
// the place where it keeps the last one.
#pragma once

#include "boundary/boundary.hpp"
#include "core/tree/page.hpp"

#include <span>

extern "C" {
#include "access/relscan.h"
}

namespace soup::tree {

class HeapAhead {
public:
    /// So many rows are approached at once.
    static constexpr std::size_t rows_at_once = 16;

    /// For rows that the executor will fetch soon: the first rows_at_once of them. Of those behind, which the
    /// next call will have, as many again are approached as far as it takes no waiting. Only a hint.
    static void approach(IndexScanDesc scan, std::span<const HeapAddress> rows) noexcept;
    /// For the row in xs_heaptid, before it is returned to an executor that will fetch it. Server code: it
    /// raises what the server raises, and is called where no C++ object stands in the way.
    static void enter(IndexScanDesc scan);
};

} // namespace soup::tree
