// The handler runs in a signal handler and does what SIGTERM does: the session ends at its next look for
// interrupts, which includes waiting for the client.
#include "access/deadline.hpp"

#include "boundary/datum.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/timeout.h"
}

namespace soup::access {

namespace {

constexpr std::int64_t grace_us = 5'000'000;

struct Timer {
    bool is_registered = false;
    bool is_armed = false;
    TimeoutId timeout = USER_TIMEOUT;
};
Timer timer;

void on_expiry() {
    if (proc_exit_inprogress) return;
    InterruptPending = true;
    ProcDiePending = true;
    SetLatch(MyLatch);
}

} // namespace

void end_session_after(std::int64_t expires_us) {
    const TimestampTz when = pg::from_unix_us(expires_us + grace_us);
    pg::call([&] {
        if (!timer.is_registered) {
            timer.timeout = RegisterTimeout(USER_TIMEOUT, on_expiry);
            timer.is_registered = true;
        }
        enable_timeout_at(timer.timeout, when);
    });
    timer.is_armed = true;
}

void forget_deadline() noexcept {
    if (!timer.is_armed) return;
    timer.is_armed = false;
    disable_timeout(timer.timeout, false);
}

} // namespace soup::access
