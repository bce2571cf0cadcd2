// On a standby nothing raises the counter when a change is replayed, so there each statement counts as a
// generation of its own.
#include "access/generation.hpp"

#include "access/library.hpp"

extern "C" {
#include "access/xlog.h"
}

namespace soup::access {

namespace {

constexpr std::uint64_t own_bit = std::uint64_t{1} << 63;
constexpr std::uint64_t standby_bit = std::uint64_t{1} << 62;

/// What this transaction has changed.
struct OwnChange {
    bool is_marked = false;
    bool is_registered = false;
    std::uint64_t count = 0;
};
OwnChange own_change;

std::atomic<std::uint64_t>& shared_counter() {
    return attached_loader().shared->catalogue_generation;
}

void publish_own_change(XactEvent event, void*) {
    if (!own_change.is_marked) return;
    switch (event) {
    case XACT_EVENT_PRE_PREPARE:
        ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                errmsg("cannot prepare a transaction that has changed MachineSoup's catalogue"));
        break;
    case XACT_EVENT_PRE_COMMIT:
        shared_counter().fetch_add(1, std::memory_order_acq_rel);
        break;
    case XACT_EVENT_COMMIT:
        shared_counter().fetch_add(1, std::memory_order_acq_rel);
        own_change.is_marked = false;
        break;
    case XACT_EVENT_ABORT:
        own_change.is_marked = false;
        break;
    default:
        break;
    }
}

} // namespace

std::uint64_t catalogue_generation() noexcept {
    if (own_change.is_marked) [[unlikely]]
        return own_bit | ++own_change.count;
    if (RecoveryInProgress()) [[unlikely]]
        return standby_bit | static_cast<std::uint64_t>(GetCurrentStatementStartTimestamp());
    return shared_counter().load(std::memory_order_acquire) + 1;
}

void mark_catalogue_change() {
    if (!own_change.is_registered) {
        pg::call([] { RegisterXactCallback(publish_own_change, nullptr); });
        own_change.is_registered = true;
    }
    own_change.is_marked = true;
}

} // namespace soup::access

/// The statement triggers of the tables that caches depend on.
SOUP_FUNCTION(soup_mark_catalogue_change) {
    soup::access::mark_catalogue_change();
    return PointerGetDatum(nullptr);
}
