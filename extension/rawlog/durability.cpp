// Commit, release the locks, flush, answer (early lock release: Johnson et al., Aether, PVLDB 2010, section
// 3); the server's own order flushes before it releases.
//
// A partition's row is locked from the append's offsets to the end of its transaction, and the flush is the
// longest part of that. The order here is sound because the log is one sequence: whoever continues behind an
// append that is not flushed yet commits behind it, so his flush covers it, and a crash before takes both,
// unanswered. The transaction is committed as with synchronous_commit = off, which makes the server keep all
// its own promises about such commits (hint bits, commit status, standbys get flushed log only), and the
// flush is made up for in a callback at the end of the commit, before anything is sent to the client.
//
// What is not flushed can be seen meanwhile. Processors commit what they make of it, hence flush it; an
// answer that repeats an earlier append's flushes first.
#include "rawlog/durability.hpp"

extern "C" {
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "utils/guc.h"
#include "utils/resowner.h"
}

namespace soup::rawlog {

namespace {

bool is_flush_due = false;

void at_resource_release(ResourceReleasePhase phase, bool is_commit, bool is_top_level, void*) {
    if (!is_flush_due || !is_top_level || phase != RESOURCE_RELEASE_AFTER_LOCKS) return;
    is_flush_due = false;
    if (is_commit) XLogFlush(XactLastCommitEnd);
}

bool has_synchronous_standby() {
    return SyncRepRequested() && SyncRepStandbyNames != nullptr && *SyncRepStandbyNames != '\0';
}

} // namespace

void flush_after_locks() {
    if (has_synchronous_standby()) {
        ForceSyncCommit();
        return;
    }
    static bool is_registered = false;
    pg::call([] {
        if (!is_registered) RegisterResourceReleaseCallback(at_resource_release, nullptr);
        is_registered = true;
        set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0,
                          false);
    });
    is_flush_due = true;
}

void flush_commit_of(TransactionId transaction) {
    pg::call([&] { XLogFlush(TransactionIdGetCommitLSN(transaction)); });
}

} // namespace soup::rawlog
