// Single rows. What an insert needs again for the statement's next row is kept in the IndexInfo.
#include "core/tree/insert.hpp"

#include "boundary/memory.hpp"
#include "tree/address.hpp"
#include "tree/buffer_store.hpp"
#include "tree/drivers.hpp"

namespace soup::tree {
namespace {

struct Inserter {
    Inserter(Relation index, MemoryContext scratch)
        : store(index), open(open_index(index)), scratch(scratch) {}

    BufferStore store;
    OpenIndexPtr open;
    ItemBuffer row;
    MemoryContext scratch; ///< For detoasted values. A child of the IndexInfo's context, and goes with it.
};

Inserter& inserter(Relation index, IndexInfo* info) {
    auto* kept = static_cast<Inserter*>(info->ii_AmCache);
    if (kept == nullptr || kept->store.index() != index) {
        MemoryContext scratch = pg::call(
            [=] { return AllocSetContextCreate(info->ii_Context, "soupvec insert", ALLOCSET_SMALL_SIZES); });
        kept = pg::make_in_context<Inserter>(info->ii_Context, index, scratch);
        info->ii_AmCache = kept;
    }
    return *kept;
}

} // namespace

void insert_row(const AccessMethod& method, Relation index, const Datum* values, const bool* is_null,
                ItemPointer row, IndexInfo* info) {
    Inserter& state = inserter(index, info);
    {
        const pg::ContextScope scope(state.scratch);
        MemoryContextReset(state.scratch);
        if (!method.make_item(index, *state.open, values, is_null, state.row)) return;
    }
    state.row.address = to_address(*row);
    insert(state.store, *state.open->geometry, state.row.item());
}

} // namespace soup::tree
