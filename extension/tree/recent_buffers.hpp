// Where blocks of indexes, and of the tables that they lead to, lay when this session looked them up last. A
// pin that still finds a block there needs no look into the server's table of buffers, which is a tenth of a
// warm search.
//
// A guess only: read() pins by ReadRecentBuffer, which compares the tag under the header's lock.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "common/relpath.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
}

namespace soup::tree {

class RecentBuffers {
public:
    /// Pins a block, by the guess if there is one. Server code, for use inside pg::call().
    static Buffer read(Relation relation, ForkNumber fork, BlockNumber block, BufferAccessStrategy strategy);
    /// InvalidBuffer if nothing is known, or if the buffer holds another block by now.
    static Buffer find(Relation relation, ForkNumber fork, BlockNumber block) noexcept;
    /// Likewise, without a look at what the buffer holds, which may have to be waited for.
    static Buffer guess(Relation relation, BlockNumber block) noexcept;
    static void keep(Relation relation, BlockNumber block, Buffer buffer) noexcept;
    /// Asks for what guess() looks at.
    static void approach(Relation relation, BlockNumber block) noexcept;
};

} // namespace soup::tree
