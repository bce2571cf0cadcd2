// A versioned library of machinesoup with as much in it as the loader's tests need, built twice.
#include "loader/machinesoup_loader.hpp"
#include "boundary/spi.hpp"
#include "boundary/transaction.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "utils/wait_event.h"
}

namespace pg = soup::pg;

namespace {

const soup::loader::PlatformLoader* loader = nullptr;

/// Writes its version down, then waits until the catalogue names another one.
void launcher_main() {
    pg::entry([] {
        static constinit pg::Plan write{"INSERT INTO public.launches VALUES ($1, $2)", {TEXTOID, INT4OID}};
        static constinit pg::Plan look{
            "SELECT 1 FROM pg_catalog.pg_extension WHERE extname = 'machinesoup' AND extversion = $1",
            {TEXTOID}};
        pg::in_transaction([] {
            pg::Spi spi;
            spi.run(write, {pg::make_text(SOUP_VERSION), Int32GetDatum(MyProcPid)});
        });
        for (bool is_current = true; is_current;) {
            pg::call([] {
                WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 5000, PG_WAIT_EXTENSION);
                ResetLatch(MyLatch);
                CHECK_FOR_INTERRUPTS();
            });
            pg::in_transaction([&] {
                pg::Spi spi;
                is_current = !spi.run(look, {pg::make_text(SOUP_VERSION)}).empty();
            });
        }
    });
}

void worker_main(Datum argument) {
    pg::entry([argument] {
        static constinit pg::Plan write{"INSERT INTO public.works VALUES ($1, $2)", {TEXTOID, INT4OID}};
        pg::in_transaction([argument] {
            pg::Spi spi;
            spi.run(write, {pg::make_text(SOUP_VERSION), argument});
        });
    });
}

/// Refuses LISTEN, as an example of a guarded statement.
void utility_guard(PlannedStmt* statement, const char*) {
    pg::entry([statement] {
        if (IsA(statement->utilityStmt, ListenStmt))
            throw soup::Error("42501", "FORBIDDEN_STMT", "statement is not allowed");
    });
}

constexpr soup::loader::PlatformLibrary library{sizeof(soup::loader::PlatformLibrary),
                                                SOUP_VERSION,
                                                launcher_main,
                                                worker_main,
                                                utility_guard,
                                                nullptr,
                                                nullptr};

} // namespace

SOUP_MODULE_INIT() {
    loader = &soup::loader::attach(library);
}

SOUP_FUNCTION(soup_version) {
    return pg::make_text(SOUP_VERSION);
}

SOUP_FUNCTION(soup_depth) {
    PG_RETURN_INT32(loader->statement_depth());
}

/// soup_wake(): as a commit callback would.
SOUP_FUNCTION(soup_wake) {
    soup::loader::wake_up(loader->shared->wake().launcher);
    PG_RETURN_VOID();
}

/// soup_start_worker(argument int)
SOUP_FUNCTION(soup_start_worker) {
    const Datum argument = PG_GETARG_DATUM(0);
    const bool is_started = pg::call([argument] {
        BackgroundWorker worker{};
        worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
        worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
        worker.bgw_restart_time = BGW_NEVER_RESTART;
        strlcpy(worker.bgw_name, "machinesoup test worker", sizeof worker.bgw_name);
        strlcpy(worker.bgw_library_name, soup::loader::worker_library, sizeof worker.bgw_library_name);
        strlcpy(worker.bgw_function_name, soup::loader::worker_function, sizeof worker.bgw_function_name);
        worker.bgw_main_arg = argument;
        const soup::loader::WorkerStart start{MyDatabaseId, InvalidOid};
        std::memcpy(worker.bgw_extra, &start, sizeof start);
        return RegisterDynamicBackgroundWorker(&worker, nullptr);
    });
    PG_RETURN_BOOL(is_started);
}

/// soup_shared(): whether the shared memory is laid out as the header says.
SOUP_FUNCTION(soup_shared) {
    auto& shared = *loader->shared;
    const auto identities = shared.identities();
    const bool is_sound = shared.magic == soup::loader::shared_magic &&
                          shared.abi == soup::loader::shared_abi &&
                          identities.size() >= ProcGlobal->allProcCount && shared.tokens().size() == 4096 &&
                          shared.spare().size() == 65536 &&
                          reinterpret_cast<std::byte*>(&shared) + shared.total_bytes >=
                              shared.spare().data() + shared.spare().size() &&
                          soup::loader::identity_index() < static_cast<int>(identities.size());
    PG_RETURN_BOOL(is_sound);
}
