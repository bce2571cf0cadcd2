// What the scan callbacks of every access method do to the server's description of a scan.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "access/genam.h"
#include "access/relscan.h"
}

namespace soup::tree {

/// A description with room for the distances that are returned with each row. Throws.
IndexScanDesc describe_scan(Relation index, int key_count, int order_count);

/// amrescan's share: the keys to scan with from now on; what is not given stays as it was.
void take_keys(IndexScanDesc scan, const ScanKeyData* keys, int key_count, const ScanKeyData* orders,
               int order_count) noexcept;

} // namespace soup::tree
