// What launcher and workers have in common as background processes: settings, and what they show of
// themselves.
#pragma once

#include "loader/machinesoup_loader.hpp"

#include <string>

namespace soup::workers {

/// Settings that a database or role must not change under a background process: the search path, no time
/// limit but that for locks, and commits that are flushed here (not waited for on a standby: points are made
/// again from the log, which was).
void fix_settings();

/// For pg_stat_activity, with identifiers only.
void show_activity(const std::string& activity);
void show_idle();

/// Shows others what was read and written, once a second at most. A background process does not do so at its
/// commits, and autovacuum knows of a table's dead rows by nothing else. Call it outside a transaction.
void report_statistics();

/// Logs the exception being handled as a warning and ends it. For errors outside a slice, which must not end
/// the process. Call it in a handler, after the transaction was aborted.
void log_current_error(const char* what);

} // namespace soup::workers
