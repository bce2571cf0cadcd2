// An append is durable when it is answered, and others do not wait for that.
#pragma once

#include "boundary/datum.hpp"

namespace soup::rawlog {

/// Notes that what the running transaction appends must be on the disk when the transaction has ended,
/// whatever synchronous_commit says. Its locks are released before the log is flushed: who waits for the same
/// partition goes on meanwhile. Where a synchronous standby is set up, the server's own order holds.
void flush_after_locks();

/// Flushes the commit of another transaction, whose append this one answers for. It is visible, so it has
/// been committed, but may not have been flushed yet. FrozenTransactionId has been flushed long since.
void flush_commit_of(TransactionId transaction);

} // namespace soup::rawlog
