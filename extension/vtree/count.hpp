// How many rows of a table lie in a region, for the executor.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "access/skey.h"
#include "utils/snapshot.h"
}

namespace soup::vtree {

/// The rows of `table` that the snapshot sees and for which all keys of its vtree index hold. The caller has
/// checked rights and policies. Throws.
std::int64_t count_rows(Oid index, Oid table, std::span<const ScanKeyData> keys, Snapshot snapshot);

} // namespace soup::vtree
