// Rows of the platform's own tables, found by key and written through the table access method, without
// parser, planner, executor or SPI: an append has a budget of a few µs, a prepared statement alone costs
// more.
//
// What the executor would have done is done here or is knowingly not needed: indexes are maintained
// (uniqueness included), TOAST, WAL, statistics counters and HOT are the access method's own. Constraints
// (CHECK, NOT NULL, foreign keys) are NOT checked: the callers write only values which fulfil them and say
// why. Row-level security does not see these accesses; callers have checked rights before. No row trigger
// fires: the tables written here have none.
//
// Locks: the table and its indexes in RowExclusiveLock (AccessShareLock for look-ups only), released at the
// end of the transaction.
#pragma once

#include "boundary/datum.hpp"
#include "boundary/memory.hpp"

extern "C" {
#include "access/sysattr.h"
#include "access/tableam.h"
#include "storage/lockdefs.h"
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"
}

#include <span>

namespace soup::rawlog {

/// A snapshot of this moment, kept registered for a scope. What was committed while the caller waited for a
/// lock is in it, whatever the isolation level.
class LatestSnapshot {
public:
    LatestSnapshot();
    ~LatestSnapshot();
    LatestSnapshot(const LatestSnapshot&) = delete;
    LatestSnapshot& operator=(const LatestSnapshot&) = delete;

    Snapshot get() const noexcept { return snapshot_; }

private:
    Snapshot snapshot_;
};

/// One column of a search key, in the order of the index's columns.
struct KeyColumn {
    RegProcedure equal;
    Datum value;
};

/// A column to be replaced by an update; columns count from 1.
struct NewValue {
    AttrNumber column;
    Datum value;
    bool is_null = false;
};

enum class UpdateOutcome {
    done,
    row_changed, ///< Somebody else updated the row since it was found. It is now locked and found anew:
                 ///< update again.
    row_gone
};

/// The oid of a table of ours; InvalidOid when there is none.
Oid table_oid(const char* schema, const char* name);

/// A text or bytea datum in the current context, made without the trap.
Datum make_varlena(std::span<const std::byte> bytes);
inline Datum make_varlena(std::string_view text) {
    return make_varlena(std::as_bytes(std::span(text)));
}
inline Datum uuid_datum(const pg::Uuid& uuid) noexcept {
    return PointerGetDatum(uuid.data());
}

class StoredTable {
public:
    explicit StoredTable(Oid table, LOCKMODE lock = RowExclusiveLock);
    ~StoredTable();
    StoredTable(const StoredTable&) = delete;
    StoredTable& operator=(const StoredTable&) = delete;

    /// Finds the row by the primary key (all its columns) and keeps it as the current row.
    bool find(const LatestSnapshot& snapshot, std::span<const KeyColumn> key);

    /// A column of the current row; the datum is valid until the next find or update.
    Datum column(AttrNumber column, bool* is_null) const noexcept;

    /// The transaction that wrote the current row.
    TransactionId writer() const;

    /// Replaces columns of the current row, none of them part of a foreign key that points here. Waits for
    /// whoever is updating it.
    UpdateOutcome update(const LatestSnapshot& snapshot, std::span<const NewValue> values);

    /// Adds a row: `values` and `nulls` have one element per column. Datums must live until flush().
    void add(std::span<const Datum> values, std::span<const bool> nulls, std::size_t bytes);
    /// Writes the added rows and their index entries.
    void flush();

private:
    void open_indexes();

    /// One WAL record covers the rows of a page; more rows than this at once gain nothing.
    static constexpr int pending_rows_max = 256;
    static constexpr std::size_t pending_bytes_max = std::size_t{1} << 20;

    LOCKMODE lock_;
    Relation heap_ = nullptr;
    Relation key_index_ = nullptr;
    TupleTableSlot* current_ = nullptr;
    TupleTableSlot* changed_ = nullptr;
    EState* executor_state_ = nullptr;
    ResultRelInfo* result_ = nullptr;
    std::vector<TupleTableSlot*> pending_; ///< Slots, the first pending_count_ of them filled.
    int pending_count_ = 0;
    std::size_t pending_bytes_ = 0;
};

} // namespace soup::rawlog
