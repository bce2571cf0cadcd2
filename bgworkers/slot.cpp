// Slots are taken by compare and swap of the process id, so no lock is held when a process dies.
#include "bgworkers/slot.hpp"

#include "loader/machinesoup_loader.hpp"

extern "C" {
#include "storage/ipc.h"
}

namespace soup::workers {

namespace {

void leave_slot(int, Datum slot) {
    auto* left = reinterpret_cast<loader::WorkerSlot*>(DatumGetPointer(slot));
    left->state.store(static_cast<std::uint32_t>(SlotState::busy));
    left->pid.store(0, std::memory_order_release);
}

loader::WorkerSlot* take_slot() {
    for (loader::WorkerSlot& slot : loader::platform().shared->wake().workers) {
        std::int32_t free = 0;
        // proc_index and state are written after the slot is ours: until then an append may wake the process
        // that sat there before, which does no harm.
        if (!slot.pid.compare_exchange_strong(free, MyProcPid)) continue;
        slot.state.store(static_cast<std::uint32_t>(SlotState::busy));
        slot.proc_index.store(loader::proc_index(MyProc), std::memory_order_relaxed);
        slot.database.store(MyDatabaseId, std::memory_order_relaxed);
        return &slot;
    }
    throw Error("53400", "", "no slot for another processor is free");
}

} // namespace

std::atomic<std::uint64_t>& workers_begun() {
    return loader::platform().shared->wake().launcher.sequence;
}

WakeSlot::WakeSlot(int number) : slot_(take_slot()) {
    workers_begun().fetch_or(bit_of(number));
    pg::call([this] { on_shmem_exit(leave_slot, PointerGetDatum(slot_)); });
}

} // namespace soup::workers
