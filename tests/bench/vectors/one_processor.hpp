// Keeps this thread and a server's session on one processor, so that what the one does to the processor's
// caches the other meets. Elsewhere the scheduler decides whether a session finds its own caches as it left
// them.
#pragma once

#include <cerrno>
#include <sched.h>
#include <sys/types.h>
#include <system_error>

namespace soup::bench {

class OneProcessor {
public:
    explicit OneProcessor(pid_t session) : session_(session) {
        if (sched_getaffinity(0, sizeof before_, &before_) != 0) fail();
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(sched_getcpu(), &one);
        if (sched_setaffinity(0, sizeof one, &one) != 0 || sched_setaffinity(session_, sizeof one, &one) != 0)
            fail();
    }
    ~OneProcessor() {
        sched_setaffinity(0, sizeof before_, &before_);
        sched_setaffinity(session_, sizeof before_, &before_);
    }
    OneProcessor(const OneProcessor&) = delete;
    OneProcessor& operator=(const OneProcessor&) = delete;

private:
    [[noreturn]] static void fail() {
        throw std::system_error(errno, std::generic_category(), "cannot choose a processor");
    }

    pid_t session_;
    cpu_set_t before_;
};

} // namespace soup::bench
