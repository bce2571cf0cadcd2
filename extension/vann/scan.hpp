// The scan's callbacks.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "access/genam.h"
#include "access/relscan.h"
#include "access/sdir.h"
}

namespace soup::vann {

IndexScanDesc begin_scan(Relation index, int key_count, int order_count);
void rescan(IndexScanDesc scan, ScanKey keys, int key_count, ScanKey orders, int order_count);
bool next_row(IndexScanDesc scan, ScanDirection direction);
void end_scan(IndexScanDesc scan);

} // namespace soup::vann
