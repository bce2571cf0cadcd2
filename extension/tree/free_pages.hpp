// Pages for new content: freed ones by way of the free space map, or the file's next one.
#pragma once

#include "boundary/postgres.hpp"

extern "C" {
#include "common/relpath.h"
#include "storage/bufmgr.h"
#include "storage/indexfsm.h"
#include "utils/rel.h"
}

namespace soup::tree {

// Server code: all of it may raise, so it runs inside pg::call().

/// Enters a freed page into the map, so that take_free_page() finds it at once.
void record_free_page(Relation index, BlockNumber block);

/// A freed page that no scan can still have a link to, exclusively locked, or InvalidBuffer.
Buffer take_free_page(Relation index);
/// The file's next page, exclusively locked.
Buffer extend_file(Relation index, ForkNumber fork);

} // namespace soup::tree
