// Launcher and dynamic workers up to the point where the versioned library takes over.
//
// The launcher must be quiet while there is nothing to do: a connection to a missing database would be a
// FATAL in the log at each restart. So it first runs connected to no database and looks at the catalogue of
// databases; a process can connect once only, so when the database is there it leaves a note in shared memory
// and ends, and its successor connects. README.md draws the states.
#include "loader/workers.hpp"
#include "boundary/latch.hpp"
#include "boundary/spi.hpp"
#include "boundary/transaction.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_database.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace soup::loader {
namespace {

/// Between a launcher's end and its successor, and between two looks for the extension.
constexpr int restart_s = 1;
constexpr long look_ms = 1000;
constexpr long look_ms_max = 60'000;

void accept_signals() {
    pqsignal(SIGTERM, die);
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    BackgroundWorkerUnblockSignals();
}

void show(const char* activity) {
    pg::call([=] { pgstat_report_activity(STATE_IDLE, activity); });
}

/// Looks the database up as the server does while it connects: by index only if the shared catalogues'
/// relation cache is complete, which it is not in a fresh cluster.
bool is_database_open() {
    bool is_open = false;
    pg::in_transaction([&] {
        is_open = pg::call([] {
            ScanKeyData key;
            ScanKeyInit(&key, Anum_pg_database_datname, BTEqualStrategyNumber, F_NAMEEQ,
                        CStringGetDatum(settings.database));
            Relation databases = table_open(DatabaseRelationId, AccessShareLock);
            SysScanDesc scan = systable_beginscan(databases, DatabaseNameIndexId,
                                                  criticalSharedRelcachesBuilt, nullptr, 1, &key);
            HeapTuple tuple = systable_getnext(scan);
            const auto* row =
                HeapTupleIsValid(tuple) ? reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple)) : nullptr;
            // Invalid is what DROP DATABASE makes of it first, and leaves if it is interrupted.
            const bool allows =
                row != nullptr && row->datallowconn && row->datconnlimit != DATCONNLIMIT_INVALID_DB;
            systable_endscan(scan);
            table_close(databases, AccessShareLock);
            return allows;
        });
    });
    return is_open;
}

/// The version that the database's catalogue names; empty while the extension is not there.
std::string installed_version() {
    static constinit pg::Plan plan{
        "SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'machinesoup'", {}};
    std::string version;
    pg::in_transaction([&] {
        pg::Spi spi;
        for (pg::Row row : spi.run(plan, {}, pg::Access::read_only))
            version = row.text(1);
    });
    return version;
}

/// Loads the library of a version. Its initialiser registers it.
void load_library(const std::string& version) {
    constexpr std::string_view allowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-";
    if (version.find_first_not_of(allowed) != std::string::npos)
        throw Error("22023", "", "extension version \"" + version + "\" is not a library's version");
    const std::string file = "$libdir/machinesoup-" + version;
    pg::in_transaction([&] { pg::call([&] { load_file(file.c_str(), false); }); });
    if (registered_library() == nullptr)
        throw Error("55000", "", "library \"" + file + "\" is not one of machinesoup's");
}

/// Loads what is installed, however long that takes to appear. A failure is told each time with a growing
/// pause.
void load_installed_library() {
    long pause_ms = look_ms;
    while (registered_library() == nullptr) {
        const std::string version = installed_version();
        if (version.empty()) {
            show("waiting for CREATE EXTENSION machinesoup");
            pg::wait_for_latch(look_ms);
            continue;
        }
        pg::contain("loading the library of machinesoup", [&] { load_library(version); });
        if (registered_library() != nullptr) return;
        pg::wait_for_latch(pause_ms);
        pause_ms = std::min(pause_ms * 2, look_ms_max);
    }
}

void leave_launcher_slot(int, Datum) {
    shared->wake().launcher.pid.store(0, std::memory_order_release);
}

/// Lets others wake the launcher until it exits, however it exits.
void take_launcher_slot() {
    WorkerSlot& slot = shared->wake().launcher;
    pg::call([] { on_shmem_exit(leave_launcher_slot, 0); });
    slot.proc_index.store(proc_index(MyProc), std::memory_order_relaxed);
    slot.database.store(MyDatabaseId, std::memory_order_relaxed);
    slot.pid.store(MyProcPid, std::memory_order_release);
}

void run_launcher() {
    accept_signals();
    if (!shared->is_database_seen.exchange(false)) {
        pg::call([] { BackgroundWorkerInitializeConnection(nullptr, nullptr, 0); });
        while (!is_database_open()) {
            show("waiting for the database that soup.database names");
            pg::wait_for_latch(look_ms);
        }
        shared->is_database_seen = true;
        return;
    }
    pg::call([] { BackgroundWorkerInitializeConnection(settings.database, nullptr, 0); });
    take_launcher_slot();
    load_installed_library();
    bool has_ended = false;
    pg::contain("the launcher of machinesoup", [&] {
        pg::call([] { registered_library()->launcher_main(); });
        has_ended = true;
    });
    if (!has_ended) {
        pg::abort_transaction();
        pg::wait_for_latch(look_ms * 5);
    }
    // An orderly end: the successor may connect at once. After any other end it looks first.
    shared->is_database_seen = true;
}

void run_worker(Datum argument) {
    accept_signals();
    WorkerStart start;
    std::memcpy(&start, MyBgworkerEntry->bgw_extra, sizeof start);
    pg::call([&] { BackgroundWorkerInitializeConnectionByOid(start.database, start.role, 0); });
    const std::string version = installed_version();
    if (version.empty()) return;
    load_library(version);
    pg::call([=] { registered_library()->worker_main(argument); });
}

} // namespace

void register_launcher() {
    BackgroundWorker worker{};
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = restart_s;
    strlcpy(worker.bgw_name, "machinesoup launcher", sizeof worker.bgw_name);
    strlcpy(worker.bgw_type, "machinesoup launcher", sizeof worker.bgw_type);
    strlcpy(worker.bgw_library_name, worker_library, sizeof worker.bgw_library_name);
    strlcpy(worker.bgw_function_name, "machinesoup_launcher_main", sizeof worker.bgw_function_name);
    RegisterBackgroundWorker(&worker);
}

} // namespace soup::loader

extern "C" {
SOUP_EXPORT void machinesoup_launcher_main(Datum);
/// Ends with code 1, so that the server starts the successor; 0 would mean "not again".
void machinesoup_launcher_main(Datum) {
    soup::pg::entry([] { soup::loader::run_launcher(); });
    proc_exit(1);
}

SOUP_EXPORT void machinesoup_worker_main(Datum argument);
void machinesoup_worker_main(Datum argument) {
    soup::pg::entry([argument] { soup::loader::run_worker(argument); });
    proc_exit(0);
}
}
