// The callbacks of an access method's handler that are the same for every method. A method's handler takes
// make_routine<method>() and sets what is its own: flags, strategies, cost, options, validation, scan.
//
//     SOUP_FUNCTION(svec_vann_handler) {
//         IndexAmRoutine* routine = tree::make_routine<vann_method>();
//         routine->amcanorderbyop = true; …
//         PG_RETURN_POINTER(routine);
//     }
#pragma once

#include "tree/drivers.hpp"

extern "C" {
#include "access/amapi.h"
#include "commands/vacuum.h"
}

namespace soup::tree {

/// Remembers which method an ambuild belongs to, for functions that are given any index.
void register_method(const AccessMethod& method, ambuild_function build) noexcept;
/// The method of an open index; 42809 if the index is none of ours.
const AccessMethod& method_of(Relation index);
/// Whether an access method, by its row in pg_am, is one of ours. Server code.
bool is_registered(Oid access_method);
/// Whether it is this one. Server code.
bool is_method(Oid access_method, const AccessMethod& method);

/// What amvalidate asks an operator class for first.
struct OperatorClass {
    Oid family, type;
};
/// Server code.
OperatorClass operator_class(Oid number);

template<const auto& method>
struct Callbacks {
    static IndexBuildResult* build(Relation heap, Relation index, IndexInfo* info) {
        return pg::entry([&] { return tree::build(method, heap, index, info); });
    }
    static void build_empty(Relation index) {
        pg::entry([&] { tree::build_empty(method, index); });
    }
    static bool insert(Relation index, Datum* values, bool* is_null, ItemPointer row, Relation /*heap*/,
                       IndexUniqueCheck, bool /*index_unchanged*/, IndexInfo* info) {
        return pg::entry([&] {
            insert_row(method, index, values, is_null, row, info);
            return false; // Only a unique index has something to say here.
        });
    }
    static IndexBulkDeleteResult* bulk_delete(IndexVacuumInfo* info, IndexBulkDeleteResult* stats,
                                              IndexBulkDeleteCallback callback, void* state) {
        return pg::entry([&] { return bulk_delete_rows(method, info, stats, callback, state); });
    }
    static IndexBulkDeleteResult* clean_up(IndexVacuumInfo* info, IndexBulkDeleteResult* stats) {
        return pg::entry([&] { return clean_up_after_vacuum(method, info, stats); });
    }
    static char* phase_name(int64 phase) { return const_cast<char*>(build_phase_name(phase)); }
};

/// A routine in the current memory context, zeroed but for what the drivers do. Server code: for use directly
/// below entry().
template<const auto& method>
IndexAmRoutine* make_routine() {
    auto* routine = makeNode(IndexAmRoutine);
    routine->amoptionalkey = true;
    // The clean-up may measure the index anew, which a parallel worker cannot.
    routine->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
#if PG_VERSION_NUM >= 170000
    routine->amcanbuildparallel = true;
#endif
    routine->ambuild = Callbacks<method>::build;
    routine->ambuildempty = Callbacks<method>::build_empty;
    routine->aminsert = Callbacks<method>::insert;
    routine->ambulkdelete = Callbacks<method>::bulk_delete;
    routine->amvacuumcleanup = Callbacks<method>::clean_up;
    routine->ambuildphasename = Callbacks<method>::phase_name;
    register_method(method, routine->ambuild);
    return routine;
}

} // namespace soup::tree
