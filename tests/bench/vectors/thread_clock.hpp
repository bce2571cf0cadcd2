// This thread's processor time: what is compared in memory is measured by it, so that a busy machine matters
// less and matters alike for all.
#pragma once

#include <chrono>
#include <ctime>

namespace soup::bench {

struct ThreadClock {
    using duration = std::chrono::nanoseconds;
    using time_point = std::chrono::time_point<ThreadClock, duration>;
    static time_point now() {
        timespec now{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
    }
};

} // namespace soup::bench
