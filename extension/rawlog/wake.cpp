// A commit callback of the process, registered at the first append. A savepoint that is rolled back after an
// append costs a wake-up for nothing; a prepared transaction is found by the processors' slow poll.
#include "rawlog/wake.hpp"

#include "bgworkers/wake.hpp"
#include "loader/machinesoup_loader.hpp"

namespace soup::rawlog {

namespace {

struct Announcement {
    loader::SharedHeader* shared = nullptr; ///< Null until the callback is registered.
    bool is_due = false;
};
Announcement announcement;

void at_transaction_event(XactEvent event, void*) {
    switch (event) {
    case XACT_EVENT_COMMIT:
        if (announcement.is_due) workers::announce_append(*announcement.shared);
        announcement.is_due = false;
        break;
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PREPARE:
        announcement.is_due = false;
        break;
    default:
        break;
    }
}

} // namespace

void announce_after_commit() {
    if (announcement.shared == nullptr) {
        loader::SharedHeader* shared = loader::platform().shared;
        pg::call([] { RegisterXactCallback(at_transaction_event, nullptr); });
        announcement.shared = shared;
    }
    announcement.is_due = true;
}

} // namespace soup::rawlog
