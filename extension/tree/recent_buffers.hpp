// Where blocks of indexes lay when this session looked them up last. A pin that still finds a block there
// needs no look into the server's table of buffers, which is a tenth of a warm search.
//
// A guess only: whoever uses it pins by ReadRecentBuffer, which compares the tag under the header's lock.
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
    /// InvalidBuffer if nothing is known, or if the buffer holds another block by now.
    static Buffer find(Relation index, ForkNumber fork, BlockNumber block) noexcept;
    static void keep(Relation index, BlockNumber block, Buffer buffer) noexcept;
};

} // namespace soup::tree
