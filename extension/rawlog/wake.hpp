// Waking the processors once an append is committed.
#pragma once

namespace soup::rawlog {

/// Notes that the running transaction has appended; its commit wakes a processor, its abort does not.
void announce_after_commit();

} // namespace soup::rawlog
