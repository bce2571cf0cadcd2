// How rows are found, updated and inserted through the table access method.
//
// Update is optimistic: the row is read under a fresh snapshot and replaced at once, which needs one WAL
// record and no row lock of its own. Only when somebody was faster is the row locked in its latest version
// first; from then on nobody can come between.
//
// Slots, index states and the executor state live in the memory context of the call and are freed with it;
// relations and buffers are let go in the destructor, or by abort after a server error.
#include "rawlog/stored_table.hpp"

extern "C" {
#include "access/genam.h"
#include "access/skey.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "executor/executor.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace soup::rawlog {

namespace {

constexpr int key_columns_max = 5;

void insert_index_entries(ResultRelInfo* result, TupleTableSlot* slot, EState* state, bool is_update) {
    List* recheck = ExecInsertIndexTuples(result, slot, state, is_update, false, nullptr, NIL
#if PG_VERSION_NUM >= 160000
                                          ,
                                          false
#endif
    );
    list_free(recheck);
    ResetPerTupleExprContext(state);
}

/// Sets needs_index when the update was not HOT.
TM_Result replace_row(Relation heap, ItemPointer at, TupleTableSlot* with, Snapshot snapshot,
                      bool* needs_index) {
    TM_FailureData failure;
    LockTupleMode mode;
#if PG_VERSION_NUM >= 160000
    TU_UpdateIndexes update_indexes = TU_None;
#else
    bool update_indexes = false;
#endif
    TM_Result result = table_tuple_update(heap, at, with, GetCurrentCommandId(true), snapshot,
                                          InvalidSnapshot, true, &failure, &mode, &update_indexes);
#if PG_VERSION_NUM >= 160000
    *needs_index = update_indexes == TU_All;
#else
    *needs_index = update_indexes;
#endif
    return result;
}

} // namespace

LatestSnapshot::LatestSnapshot()
    : snapshot_(pg::call([] { return RegisterSnapshot(GetLatestSnapshot()); })) {}

LatestSnapshot::~LatestSnapshot() {
    if (!pg::server_error_unwinding())
        pg::contain("release a snapshot", [&] { UnregisterSnapshot(snapshot_); });
}

Oid table_oid(const char* schema, const char* name) {
    return pg::call([&] {
        Oid space = get_namespace_oid(schema, true);
        return OidIsValid(space) ? get_relname_relid(name, space) : InvalidOid;
    });
}

Datum make_varlena(std::span<const std::byte> bytes) {
    if (bytes.size() > MaxAllocSize - VARHDRSZ) throw too_big("value is too long to be stored");
    void* piece = pg::allocate_bytes(CurrentMemoryContext, VARHDRSZ + bytes.size());
    SET_VARSIZE(piece, VARHDRSZ + bytes.size());
    if (!bytes.empty()) std::memcpy(VARDATA(piece), bytes.data(), bytes.size());
    return PointerGetDatum(piece);
}

StoredTable::StoredTable(Oid table, LOCKMODE lock)
    : lock_(lock), heap_(pg::call([&] { return table_open(table, lock); })) {}

StoredTable::~StoredTable() {
    if (pg::server_error_unwinding()) return;
    pg::contain("close a table", [&] {
        pg::call([&] {
            for (TupleTableSlot* slot : pending_)
                ExecDropSingleTupleTableSlot(slot);
            if (current_ != nullptr) ExecDropSingleTupleTableSlot(current_);
            if (changed_ != nullptr) ExecDropSingleTupleTableSlot(changed_);
            if (result_ != nullptr) ExecCloseIndices(result_);
            if (executor_state_ != nullptr) FreeExecutorState(executor_state_);
            if (key_index_ != nullptr) index_close(key_index_, NoLock);
            table_close(heap_, NoLock);
        });
    });
}

bool StoredTable::find(const LatestSnapshot& snapshot, std::span<const KeyColumn> key) {
    if (key.size() > key_columns_max) throw std::logic_error("a key has too many columns");
    return pg::call([&] {
        if (key_index_ == nullptr) {
            Oid index = RelationGetPrimaryKeyIndex(heap_);
            if (!OidIsValid(index))
                elog(ERROR, "table \"%s\" has no primary key", RelationGetRelationName(heap_));
            key_index_ = index_open(index, lock_);
            current_ = table_slot_create(heap_, nullptr);
        }
        ScanKeyData keys[key_columns_max];
        for (std::size_t i = 0; i < key.size(); ++i)
            ScanKeyEntryInitialize(&keys[i], 0, static_cast<AttrNumber>(i + 1), BTEqualStrategyNumber,
                                   InvalidOid, key_index_->rd_indcollation[i], key[i].equal, key[i].value);
        IndexScanDesc scan =
            index_beginscan(heap_, key_index_, snapshot.get(), static_cast<int>(key.size()), 0);
        index_rescan(scan, keys, static_cast<int>(key.size()), nullptr, 0);
        bool found = index_getnext_slot(scan, ForwardScanDirection, current_);
        index_endscan(scan);
        return found;
    });
}

Datum StoredTable::column(AttrNumber column, bool* is_null) const noexcept {
    return slot_getattr(current_, column, is_null);
}

TransactionId StoredTable::writer() const {
    // Not the column xmin: that names the writer even of a frozen row, whose commit status may be forgotten.
    return pg::call([&] {
        const HeapTuple tuple = ExecFetchSlotHeapTuple(current_, false, nullptr);
        return HeapTupleHeaderGetXmin(tuple->t_data);
    });
}

UpdateOutcome StoredTable::update(const LatestSnapshot& snapshot, std::span<const NewValue> values) {
    return pg::call([&] {
        if (changed_ == nullptr) changed_ = MakeSingleTupleTableSlot(RelationGetDescr(heap_), &TTSOpsVirtual);
        slot_getallattrs(current_);
        ExecClearTuple(changed_);
        int columns = changed_->tts_tupleDescriptor->natts;
        std::copy_n(current_->tts_values, columns, changed_->tts_values);
        std::copy_n(current_->tts_isnull, columns, changed_->tts_isnull);
        for (const NewValue& value : values) {
            changed_->tts_values[value.column - 1] = value.value;
            changed_->tts_isnull[value.column - 1] = value.is_null;
        }
        ExecStoreVirtualTuple(changed_);

        ItemPointerData at = current_->tts_tid;
        bool needs_index;
        switch (TM_Result result = replace_row(heap_, &at, changed_, snapshot.get(), &needs_index)) {
        case TM_Ok:
            if (needs_index) {
                open_indexes();
                insert_index_entries(result_, changed_, executor_state_, true);
            }
            return UpdateOutcome::done;
        case TM_Updated: {
            TM_FailureData failure;
            result = table_tuple_lock(heap_, &at, snapshot.get(), current_, GetCurrentCommandId(true),
                                      LockTupleNoKeyExclusive, LockWaitBlock,
                                      TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure);
            if (result == TM_Ok) return UpdateOutcome::row_changed;
            if (result == TM_Deleted) return UpdateOutcome::row_gone;
            elog(ERROR, "unexpected state %d of a row to lock", static_cast<int>(result));
            return UpdateOutcome::row_gone; // not reached
        }
        case TM_Deleted:
            return UpdateOutcome::row_gone;
        default:
            elog(ERROR, "unexpected state %d of a row to update", static_cast<int>(result));
            return UpdateOutcome::row_gone; // not reached
        }
    });
}

void StoredTable::open_indexes() {
    if (result_ != nullptr) return;
    executor_state_ = CreateExecutorState();
    result_ = makeNode(ResultRelInfo);
    InitResultRelInfo(result_, heap_, 0, nullptr, 0);
    ExecOpenIndices(result_, false);
}

void StoredTable::add(std::span<const Datum> values, std::span<const bool> nulls, std::size_t bytes) {
    if (pending_count_ == pending_rows_max || pending_bytes_ >= pending_bytes_max) flush();
    if (static_cast<std::size_t>(pending_count_) == pending_.size()) {
        pending_.reserve(pending_.size() + 1);
        pending_.push_back(pg::call([&] { return table_slot_create(heap_, nullptr); }));
    }
    TupleTableSlot* slot = pending_[pending_count_];
    if (values.size() != static_cast<std::size_t>(slot->tts_tupleDescriptor->natts))
        throw std::logic_error("a row has another number of columns than its table");
    pg::call([&] {
        ExecClearTuple(slot);
        std::copy(values.begin(), values.end(), slot->tts_values);
        std::copy(nulls.begin(), nulls.end(), slot->tts_isnull);
        ExecStoreVirtualTuple(slot);
    });
    ++pending_count_;
    pending_bytes_ += bytes;
}

void StoredTable::flush() {
    if (pending_count_ == 0) return;
    pg::call([&] {
        open_indexes();
        table_multi_insert(heap_, pending_.data(), pending_count_, GetCurrentCommandId(true), 0, nullptr);
        for (int i = 0; i < pending_count_; ++i)
            insert_index_entries(result_, pending_[i], executor_state_, false);
        for (int i = 0; i < pending_count_; ++i)
            ExecClearTuple(pending_[i]);
    });
    pending_count_ = 0;
    pending_bytes_ = 0;
}

} // namespace soup::rawlog
