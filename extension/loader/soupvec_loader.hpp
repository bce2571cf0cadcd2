// What soupvec's loader (soupvec.so) and a versioned library (soupvec-X.so) know of each other.
//
// Both structs are append-only: a field is never moved, removed or given another meaning, because loader and
// library of different releases meet in one session. Whoever reads a field that is not in release 1 compares
// `bytes` first. The loader needs no preload: the library's initialiser loads it when it is not there.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"
}

namespace soup::loader {

/// Values of the setting soupvec.isa. The numbers are part of the interface.
enum class Isa : int { automatic = 0, scalar = 1, ssse3 = 2, avx2 = 3, avx512 = 4 };

/// The library's table. No C++ exception leaves a function of it, and none may raise but where it says so.
struct VectorLibrary {
    std::uint32_t bytes;                 ///< sizeof of the struct that the library was compiled with.
    const char* version;                 ///< Static storage.
    bool (*isa_available)(Isa) noexcept; ///< Whether this machine can run it; `automatic` always can.
    void (*isa_changed)(Isa) noexcept;   ///< Called at registration and at each change.
    /// May change a plan that was just made, and may raise. Null: nothing to change.
    void (*plan_made)(PlannedStmt*);
    /// May add paths to `output`, and may raise. Null: none to add.
    void (*add_paths)(PlannerInfo*, UpperRelationKind, RelOptInfo* input, RelOptInfo* output);
};

/// Values of the setting vann.order. The numbers are part of the interface.
enum class RowOrder : int { relaxed = 0, strict = 1 };

/// The settings of vann as they are now. The loader owns the memory.
struct VannSettings {
    double recall; ///< What a search aims at.
    int probes;    ///< Leaves read at first; 0: what reaches the recall.
    int rerank;    ///< Entries ranked anew by their details at first; 0: likewise.
    int max_pages; ///< Where a search that is asked for more rows ends; 0: with the index.
    int order;     ///< RowOrder
};

struct VectorLoader {
    std::uint32_t bytes;
    const char* version;
    /// Takes the library's table; raises 55000 when the session already holds another version.
    void (*register_library)(const VectorLibrary*);
    const VannSettings* vann;
    /// Kinds of storage parameters, as add_reloption_kind() gave them. Each has an integer "fillfactor".
    int vann_options, vtree_options;
};

constexpr const char* vector_rendezvous = "soupvec_loader";

/// The loader of this process, once attach() has run.
inline const VectorLoader& vector_loader() {
    static const auto* loader =
        static_cast<const VectorLoader*>(*find_rendezvous_variable(vector_rendezvous));
    return *loader;
}

/// Called once by the library's initialiser. Loads the loader if need be, registers, and has isa_changed
/// called.
inline void attach(const VectorLibrary& library) {
    pg::call([&] {
        void** place = find_rendezvous_variable(vector_rendezvous);
        if (*place == nullptr) load_file("$libdir/soupvec", false);
        static_cast<const VectorLoader*>(*place)->register_library(&library);
    });
}

} // namespace soup::loader
