// The two callbacks of VACUUM over the tree's own passes. CREATE INDEX CONCURRENTLY uses the first one too,
// to collect all addresses: its callback says false to each and may raise.
#include "core/tree/vacuum.hpp"

#include "tree/address.hpp"
#include "tree/buffer_store.hpp"
#include "tree/drivers.hpp"

extern "C" {
#include "storage/indexfsm.h"
}

namespace soup::tree {
namespace {

IndexBulkDeleteResult* or_new(IndexBulkDeleteResult* stats) {
    if (stats != nullptr) return stats;
    return pg::call(
        [] { return static_cast<IndexBulkDeleteResult*>(palloc0(sizeof(IndexBulkDeleteResult))); });
}

} // namespace

IndexBulkDeleteResult* bulk_delete_rows(const AccessMethod&, IndexVacuumInfo* info,
                                        IndexBulkDeleteResult* stats, IndexBulkDeleteCallback callback,
                                        void* callback_state) {
    stats = or_new(stats);
    const OpenIndexPtr open = open_index(info->index);
    BufferStore store(info->index);
    store.set_pace(Pace::vacuum, info->strategy);
    const VacuumResult result = bulk_delete(store, *open->geometry, [&](HeapAddress address) {
        ItemPointerData row = to_item_pointer(address);
        return pg::call([&] { return callback(&row, callback_state); });
    });
    stats->num_pages = result.pages;
    stats->tuples_removed += static_cast<double>(result.dead);
    stats->num_index_tuples = static_cast<double>(result.live);
    stats->estimated_count = false;
    return stats;
}

IndexBulkDeleteResult* clean_up_after_vacuum(const AccessMethod& method, IndexVacuumInfo* info,
                                             IndexBulkDeleteResult* stats) {
    if (info->analyze_only) return stats;
    const bool is_counted = stats != nullptr;
    stats = or_new(stats);
    const OpenIndexPtr open = open_index(info->index);
    BufferStore store(info->index);
    store.set_pace(Pace::vacuum, info->strategy);
    VacuumResult result;
    clean_up(store, *open->geometry, result);
    pg::call([&] { IndexFreeSpaceMapVacuum(info->index); });
    method.after_vacuum(info->index, store, *open,
                        is_counted ? stats->num_index_tuples : info->num_heap_tuples, stats->tuples_removed);

    stats->num_pages = result.pages;
    stats->pages_newly_deleted += result.freed_now;
    stats->pages_deleted = result.reusable + result.freed_now;
    stats->pages_free = result.reusable;
    if (!is_counted) {
        // Nothing was removed, so nothing was counted: the heap's number is as good as we have.
        stats->num_index_tuples = info->num_heap_tuples;
        stats->estimated_count = true;
    }
    return stats;
}

} // namespace soup::tree
