// Faults by n-th call, for tests: with -DSOUP_FAULTS the n-th call() raises, or the n-th allocation of
// ContextAllocator fails. A driver raises n until the scenario passes untouched. Without the macro nothing is
// left.
#pragma once

#include <cstdint>

namespace soup::pg::faults {

#ifdef SOUP_FAULTS
/// Steps left until the fault; 0 means none is armed. One object per library, set by the test module.
struct Counters {
    std::int64_t until_call_fails = 0;
    std::int64_t until_allocation_fails = 0;
    std::int64_t until_keeping_fails = 0; ///< The memory for an error's own text.
};
inline Counters counters;

inline bool due(std::int64_t& left) noexcept {
    if (left <= 0) return false;
    --left;
    return left == 0;
}
inline bool call_fails() noexcept {
    return due(counters.until_call_fails);
}
inline bool allocation_fails() noexcept {
    return due(counters.until_allocation_fails);
}
inline bool keeping_fails() noexcept {
    return due(counters.until_keeping_fails);
}
#else
constexpr bool call_fails() noexcept {
    return false;
}
constexpr bool allocation_fails() noexcept {
    return false;
}
constexpr bool keeping_fails() noexcept {
    return false;
}
#endif

} // namespace soup::pg::faults
