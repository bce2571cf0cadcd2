// Slots are process ids in shared memory, taken by compare and swap; who finds none sleeps on a condition
// variable.
#include "access/argon_slot.hpp"

#include "access/library.hpp"

extern "C" {
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "utils/wait_event.h"
}

namespace soup::access {

namespace {

constexpr int wait_ms_max = 2000;
constexpr int look_ms = 100; ///< A missed wake-up costs at most this.

std::atomic<std::int32_t>& holder(int index) {
    return attached_loader().shared->argon().holder_pid[index];
}

/// Takes a free slot; -1 if all are held. soup.argon_slots may be lowered while some are held: those end by
/// themselves.
int try_take() noexcept {
    const int count = std::min(attached_loader().settings->argon_slots, loader::argon_slot_count);
    for (int i = 0; i < count; ++i) {
        std::int32_t nobody = 0;
        if (holder(i).compare_exchange_strong(nobody, MyProcPid)) return i;
    }
    return -1;
}

void give_back(int index) noexcept {
    std::int32_t mine = MyProcPid;
    holder(index).compare_exchange_strong(mine, 0);
}

void give_back_at_exit(int, Datum) {
    for (int i = 0; i < loader::argon_slot_count; ++i)
        give_back(i);
}

void register_exit() {
    static bool is_registered = false;
    if (is_registered) return;
    pg::call([] { before_shmem_exit(give_back_at_exit, 0); });
    is_registered = true;
}

/// Sleeps until one may be free. Interruptible.
int wait_for_slot() {
    const TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), wait_ms_max);
    return pg::call([&] {
        ConditionVariable* freed = &attached_loader().shared->argon().freed;
        ConditionVariablePrepareToSleep(freed);
        int taken;
        while ((taken = try_take()) < 0 && GetCurrentTimestamp() < deadline)
            ConditionVariableTimedSleep(freed, look_ms, PG_WAIT_EXTENSION);
        ConditionVariableCancelSleep();
        return taken;
    });
}

} // namespace

ArgonSlot::ArgonSlot() {
    register_exit();
    index_ = try_take();
    if (index_ < 0) index_ = wait_for_slot();
    if (index_ < 0)
        throw Error("53300", "BUSY", "too many logins at a time", {}, "Try again in a few seconds.");
}

// Signalling takes spin locks and sets latches; it does not raise, so it is safe also while a server error
// unwinds.
ArgonSlot::~ArgonSlot() {
    give_back(index_);
    ConditionVariableSignal(&attached_loader().shared->argon().freed);
}

} // namespace soup::access
