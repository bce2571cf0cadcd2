// A worker's place in the wake area: how appends find it when it is idle.
#pragma once

#include "bgworkers/wake.hpp"

namespace soup::workers {

/// Takes a free slot for the life of the process. The exit callback gives it back, however the process ends.
class WakeSlot {
public:
    /// Throws 53400 when all slots are taken: soup.max_processors can't exceed their number.
    /// The launcher's number for this worker tells the launcher that it has begun.
    explicit WakeSlot(int number);
    WakeSlot(const WakeSlot&) = delete;
    WakeSlot& operator=(const WakeSlot&) = delete;

    /// Idle: the next append may take this worker. Look for work once more before sleeping.
    void set(SlotState state) noexcept { slot_->state.store(static_cast<std::uint32_t>(state)); }

private:
    loader::WorkerSlot* slot_;
};

} // namespace soup::workers
