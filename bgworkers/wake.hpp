// Waking the processors: what append calls after its commit.
//
// A worker without work sets its slot's state to idle, looks for work once more, and sleeps on its latch.
// Whoever commits an append takes one idle worker (compare and swap: one append wakes one worker, not all)
// and sets its latch; with none idle the launcher is woken, which starts workers while their number allows
// it. A busy worker needs no wake-up, because it looks for work again before it goes idle.
#pragma once

#include "loader/shared_memory.hpp"

namespace soup::workers {

/// WorkerSlot::state. A slot of a process that starts, works or ends is busy.
enum class SlotState : std::uint32_t { busy = 0, idle = 1 };

/// Call it once per committed transaction that appended records, after the commit. Cannot raise.
inline void announce_append(loader::SharedHeader& shared) noexcept {
    for (loader::WorkerSlot& slot : shared.wake().workers) {
        if (slot.pid.load(std::memory_order_acquire) == 0) continue;
        auto expected = static_cast<std::uint32_t>(SlotState::idle);
        if (slot.state.compare_exchange_strong(expected, static_cast<std::uint32_t>(SlotState::busy))) {
            loader::wake_up(slot);
            return;
        }
    }
    loader::wake_up(shared.wake().launcher);
}

} // namespace soup::workers
