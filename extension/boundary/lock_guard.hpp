// A lightweight lock for a scope, and the model for every guard of something that an abort releases too: it
// lets go on the normal path and on C++ exceptions, and leaves it to the abort after an ERROR of the server,
// which has already set the counters to 0 that unlocking would lower.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "storage/lwlock.h"
}

namespace soup::pg {

class LockGuard {
public:
    LockGuard(LWLock* lock, LWLockMode mode) : lock_(lock) {
        call([=] { LWLockAcquire(lock, mode); });
    }
    ~LockGuard() {
        if (!server_error_unwinding()) LWLockRelease(lock_);
    }
    LockGuard(const LockGuard&) = delete;
    LockGuard& operator=(const LockGuard&) = delete;

private:
    LWLock* lock_;
};

} // namespace soup::pg
