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

// Server code: both may raise, so they run inside pg::call().

/// A freed page that no scan can still have a link to, exclusively locked, or InvalidBuffer.
Buffer take_free_page(Relation index);
/// The file's next page, exclusively locked.
Buffer extend_file(Relation index, ForkNumber fork);

} // namespace soup::tree
