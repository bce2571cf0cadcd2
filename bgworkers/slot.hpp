// A worker's place in the wake area: how appends find it when it is idle.
#pragma once

#include "bgworkers/wake.hpp"

namespace soup::workers {

/// A bit for each worker that has begun, by the number that the launcher gave it when it started it.
std::atomic<std::uint64_t>& workers_begun();
constexpr std::uint64_t bit_of(int number) noexcept {
    return std::uint64_t{1} << number;
}

/// Takes a free slot for the life of the process. The exit callback gives it back, however the process ends.
class WakeSlot {
public:
    /// Throws 53400 when all slots are taken: soup.max_processors can't exceed their number.
    /// Sets the bit of the launcher's number for this worker.
    explicit WakeSlot(int number);
    WakeSlot(const WakeSlot&) = delete;
    WakeSlot& operator=(const WakeSlot&) = delete;

    /// Idle: the next append may take this worker. Look for work once more before sleeping.
    void set(SlotState state) noexcept { slot_->state.store(static_cast<std::uint32_t>(state)); }

private:
    loader::WorkerSlot* slot_;
};

} // namespace soup::workers
