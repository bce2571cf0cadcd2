// The order of a background worker's error handling, as the server's own main loops have it.
#include "boundary/transaction.hpp"

namespace soup::pg {

void abort_transaction() {
    call([] {
        HOLD_INTERRUPTS();
        AbortCurrentTransaction();
        MemoryContextSwitchTo(TopMemoryContext);
        RESUME_INTERRUPTS();
    });
    detail::server_error_settled();
}

} // namespace soup::pg
