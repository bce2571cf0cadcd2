// Build, insert and vacuum, the same for every access method. They throw; handler.hpp wraps them.
#pragma once

#include "tree/method.hpp"

extern "C" {
#include "access/genam.h"
}

namespace soup::tree {

IndexBuildResult* build(const AccessMethod& method, Relation heap, Relation index, IndexInfo* info);
/// The init fork of an unlogged index.
void build_empty(const AccessMethod& method, Relation index);
const char* build_phase_name(std::int64_t phase) noexcept;

void insert_row(const AccessMethod& method, Relation index, const Datum* values, const bool* is_null,
                ItemPointer row, IndexInfo* info);

IndexBulkDeleteResult* bulk_delete_rows(const AccessMethod& method, IndexVacuumInfo* info,
                                        IndexBulkDeleteResult* stats, IndexBulkDeleteCallback callback,
                                        void* callback_state);
IndexBulkDeleteResult* clean_up_after_vacuum(const AccessMethod& method, IndexVacuumInfo* info,
                                             IndexBulkDeleteResult* stats);

} // namespace soup::tree
