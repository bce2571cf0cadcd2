// What machinesoup's loader (machinesoup.so, preloaded) and a versioned library (machinesoup-X.so) know of
// each other.
//
// Both structs are append-only: a field is never moved, removed or given another meaning, because loader and
// library of different releases meet in one server. Whoever reads a field that is not in release 1 compares
// `bytes` (of a setting: `settings_bytes`) first.
#pragma once

#include "boundary/boundary.hpp"
#include "loader/settings.hpp"
#include "loader/shared_memory.hpp"

extern "C" {
#include "executor/execdesc.h"
#include "nodes/plannodes.h"
}

namespace soup::loader {

/// The library's table. Functions may ereport; no C++ exception leaves them (wrap the bodies in pg::entry).
struct PlatformLibrary {
    std::uint32_t bytes; ///< sizeof of the struct that the library was compiled with.
    const char* version; ///< Static storage.
    /// Runs in the launcher, connected to soup.database as the bootstrap superuser, outside a transaction.
    /// Returns when the extension's version has changed or the extension has gone; the loader then starts
    /// afresh.
    void (*launcher_main)();
    /// Runs in a dynamic worker, connected likewise. The argument is bgw_main_arg.
    void (*worker_main)(Datum argument);
    /// Optional: before every utility statement, at any depth; raises to refuse.
    void (*utility_guard)(PlannedStmt* statement, const char* source);
    /// Optional: before every executor start, at any depth; raises to refuse.
    void (*executor_check)(QueryDesc* query, int executor_flags);
    /// Optional: before a client's portal hands out more rows of a query that has handed out some already;
    /// raises to refuse.
    void (*resume_guard)(QueryDesc* query);
};

struct PlatformLoader {
    std::uint32_t bytes;
    const char* version;
    SharedHeader* shared;
    const Settings* settings;
    LWLock* (*lock)(Lock);
    /// 1: called by the top-level query itself. 2 or more: from inside a utility statement, DO, CALL,
    /// EXECUTE, a function in a procedural language, a trigger, a nested query. 0: from none of these.
    int (*statement_depth)();
    /// Takes the library's table; raises 55000 when the session already holds another version.
    void (*register_library)(const PlatformLibrary*);
    std::uint32_t settings_bytes; ///< sizeof of the loader's Settings, which is append-only as well.
};

/// In bgw_extra of a dynamic worker with bgw_library_name = "machinesoup" and
/// bgw_function_name = "machinesoup_worker_main".
struct WorkerStart {
    Oid database;
    Oid role; ///< InvalidOid: the bootstrap superuser.
};

constexpr const char* platform_rendezvous = "machinesoup_loader";
constexpr const char* worker_library = "machinesoup";
constexpr const char* worker_function = "machinesoup_worker_main";

/// The loader; throws 55000 where the server has not preloaded it.
inline const PlatformLoader& platform() {
    void** place = pg::call([] { return find_rendezvous_variable(platform_rendezvous); });
    if (*place == nullptr)
        throw Error("55000", "", "machinesoup must be loaded at server start", {},
                    "Add machinesoup to shared_preload_libraries and restart the server.");
    return *static_cast<const PlatformLoader*>(*place);
}

/// Called once by the library's initialiser; keep the reference.
inline const PlatformLoader& attach(const PlatformLibrary& library) {
    const PlatformLoader& loader = platform();
    pg::call([&] { loader.register_library(&library); });
    return loader;
}

/// The loader's own: tells later readers of the struct where the shared memory is.
void publish(SharedHeader* header);

} // namespace soup::loader
