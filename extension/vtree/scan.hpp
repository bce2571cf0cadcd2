// The scan's callbacks.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "access/genam.h"
#include "access/relscan.h"
#include "access/sdir.h"
#include "nodes/tidbitmap.h"
}

namespace soup::vtree {

IndexScanDesc begin_scan(Relation index, int key_count, int order_count);
void rescan(IndexScanDesc scan, ScanKey keys, int key_count, ScanKey orders, int order_count);
bool next_row(IndexScanDesc scan, ScanDirection direction);
int64 all_rows(IndexScanDesc scan, TIDBitmap* bitmap);
void end_scan(IndexScanDesc scan);
bool can_return(Relation index, int column);

} // namespace soup::vtree
