// How a background process waits: on its latch, open to interrupts and to a changed configuration.
#pragma once

namespace soup::pg {

/// Sleeps until the latch is set or the time is over, takes interrupts, and re-reads the configuration when
/// asked to. Ends the process with its postmaster.
void wait_for_latch(long ms);

} // namespace soup::pg
