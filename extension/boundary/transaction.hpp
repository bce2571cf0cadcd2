// Whole transactions for background workers: one unit of work, committed, or aborted and thrown on.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "utils/snapmgr.h"
}

namespace soup::pg {

/// Aborts the transaction that an error left behind and releases what it held.
void abort_transaction();

/// Runs the body in a transaction of its own with an active snapshot, and commits. On any exception the
/// transaction is aborted and the exception goes on; a PgError is then harmless and may be logged and
/// dropped.
template<class F>
void in_transaction(F&& body) {
    call([] {
        SetCurrentStatementStartTimestamp();
        StartTransactionCommand();
        PushActiveSnapshot(GetTransactionSnapshot());
    });
    try {
        body();
        call([] {
            if (ActiveSnapshotSet()) PopActiveSnapshot();
            CommitTransactionCommand();
        });
    } catch (...) {
        abort_transaction();
        throw;
    }
}

} // namespace soup::pg
