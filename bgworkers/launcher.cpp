// The launcher: starts workers where there is more work than workers, and has the daily maintenance done.
//
// An append that finds no idle worker wakes it; otherwise it looks every soup.poll_ms. It acts as soup_worker
// under the launcher's scope, which reaches neither raw data nor points. Nothing it meets ends it but a
// signal or another version of the extension: an error is logged, and the next look comes.
#include "bgworkers/entry.hpp"
#include "bgworkers/limits.hpp"
#include "bgworkers/maintenance.hpp"
#include "bgworkers/process.hpp"
#include "bgworkers/slot.hpp"
#include "bgworkers/work_list.hpp"

#include "access/scope.hpp"
#include "boundary/latch.hpp"
#include "boundary/memory.hpp"
#include "boundary/spi.hpp"
#include "boundary/transaction.hpp"

extern "C" {
#include "postmaster/bgworker.h"
#include "storage/procarray.h"
#include "utils/acl.h"
}

#include <bit>
#include <chrono>

namespace soup::workers {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct StartedWorker {
    BackgroundWorkerHandle* handle;
    int number; ///< Among those that live: see workers_begun().
};

class Launcher {
public:
    void run();

private:
    void start_workers();
    bool start_worker();
    std::size_t count_workers();
    int free_number() const;
    void note_start(bool has_succeeded);

    std::vector<StartedWorker> started_;
    milliseconds start_pause_{0}; ///< Not 0 since a worker has stopped before it took its slot.
    Clock::time_point start_again_at_ = Clock::now();
    Oid role_ = InvalidOid;
    Maintenance maintenance_;
    bool has_warned_ = false; ///< That the server has no place for another process; once is enough.
};

Oid worker_role() {
    Oid role = InvalidOid;
    pg::in_transaction([&] { role = pg::call([] { return get_role_oid("soup_worker", false); }); });
    return role;
}

/// Slots of processes that have gone without an exit callback. A crash clears shared memory, so there should
/// be none.
void reconcile_slots() {
    for (loader::WorkerSlot& slot : loader::platform().shared->wake().workers) {
        std::int32_t pid = slot.pid.load();
        if (pid != 0 && pg::call([pid] { return BackendPidGetProc(pid) == nullptr; }))
            slot.pid.compare_exchange_strong(pid, 0);
    }
}

/// A worker that cannot connect (its log line says why) would be followed by the next at once, hundreds a
/// second.
void Launcher::note_start(bool has_succeeded) {
    if (has_succeeded) {
        start_pause_ = milliseconds(0);
        return;
    }
    if (start_pause_.count() == 0)
        pg::call([] {
            ereport(WARNING, errmsg("a processor has stopped before it could begin"),
                    errdetail("Others are started one by one, after growing pauses."),
                    errhint("The lines before say why, for example that role soup_worker may not connect to "
                            "the database."));
        });
    start_pause_ = std::clamp(2 * start_pause_, milliseconds(limits::start_pause_ms_base),
                              milliseconds(limits::start_pause_ms_max));
    start_again_at_ = Clock::now() + start_pause_;
}

/// There are as many numbers as slots, and never more workers than slots.
int Launcher::free_number() const {
    std::uint64_t taken = 0;
    for (const StartedWorker& started : started_)
        taken |= bit_of(started.number);
    return std::countr_one(taken);
}

/// Workers that live or are being started, those of an earlier launcher included.
std::size_t Launcher::count_workers() {
    std::size_t starting = 0, living = 0;
    std::optional<bool> has_succeeded;
    std::erase_if(started_, [&](const StartedWorker& started) {
        pid_t pid = 0;
        const BgwHandleStatus status = pg::call([&] { return GetBackgroundWorkerPid(started.handle, &pid); });
        const bool has_begun = (workers_begun().load() & bit_of(started.number)) != 0;
        if (has_begun || status == BGWH_STOPPED) has_succeeded = has_succeeded.value_or(true) && has_begun;
        if (status == BGWH_NOT_YET_STARTED) ++starting;
        if (status != BGWH_STOPPED) return false;
        pfree(started.handle);
        return true;
    });
    if (has_succeeded) note_start(*has_succeeded);
    for (const loader::WorkerSlot& slot : loader::platform().shared->wake().workers)
        if (slot.pid.load(std::memory_order_relaxed) != 0) ++living;
    // One that has started but not yet taken its slot is in neither count, only in the list.
    return std::max(starting + living, started_.size());
}

bool Launcher::start_worker() {
    BackgroundWorker worker{};
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = BGW_NEVER_RESTART;
    worker.bgw_notify_pid = MyProcPid;
    strlcpy(worker.bgw_name, "machinesoup processor", sizeof worker.bgw_name);
    strlcpy(worker.bgw_type, "machinesoup processor", sizeof worker.bgw_type);
    strlcpy(worker.bgw_library_name, loader::worker_library, sizeof worker.bgw_library_name);
    strlcpy(worker.bgw_function_name, loader::worker_function, sizeof worker.bgw_function_name);
    const int number = free_number();
    worker.bgw_main_arg = Int32GetDatum(number);
    workers_begun().fetch_and(~bit_of(number));
    const loader::WorkerStart start{MyDatabaseId, role_};
    static_assert(sizeof start <= sizeof worker.bgw_extra);
    std::memcpy(worker.bgw_extra, &start, sizeof start);

    pg::ContextScope scope(TopMemoryContext);
    BackgroundWorkerHandle* handle = nullptr;
    if (!pg::call([&] { return RegisterDynamicBackgroundWorker(&worker, &handle); })) return false;
    started_.push_back({handle, number});
    return true;
}

void Launcher::start_workers() {
    const auto workers_max = static_cast<std::size_t>(loader::platform().settings->max_processors);
    std::size_t workers = count_workers();
    if (workers >= workers_max || started_.size() >= loader::worker_slot_count) return;
    if (start_pause_.count() != 0 && Clock::now() < start_again_at_) return;
    const std::size_t lanes = find_work().size();
    for (; workers < std::min(lanes, workers_max); ++workers) {
        if (start_worker()) {
            // After a failure one is tried until it has begun.
            if (start_pause_.count() == 0) continue;
            start_again_at_ = Clock::now() + start_pause_;
            return;
        }
        if (!has_warned_)
            pg::call([] {
                ereport(WARNING, errcode(ERRCODE_INSUFFICIENT_RESOURCES),
                        errmsg("could not start a processor: no free background worker"),
                        errhint("Raise max_worker_processes or lower soup.max_processors."));
            });
        has_warned_ = true;
        return;
    }
}

void Launcher::run() {
    const loader::Settings& settings = *loader::platform().settings;
    fix_settings();
    role_ = worker_role();
    // The loader connects as the bootstrap superuser, whom no policy holds.
    SetUserIdAndSecContext(role_, 0);
    reconcile_slots();
    while (!is_outdated()) {
        bool has_more = false; // To maintain.
        try {
            has_more = maintenance_.run();
            start_workers();
        } catch (...) {
            if (is_outdated()) return;
            log_current_error("starting processors");
        }
        show_idle();
        pg::wait_for_latch(has_more ? 0 : settings.poll_ms);
        // Let what comes in a burst gather: one look serves all of it.
        pg::call([] { pg_usleep(limits::launcher_pause_ms * 1000); });
    }
}

} // namespace

void launcher_main() {
    pg::entry([] { Launcher().run(); });
}

} // namespace soup::workers
