// Index scans over one leaf. Columns are those of soup.raw_batch; a leaf's unique index is (model, partition,
// first_offset), its partial one (model, explicit_version, partition, first_offset).
#include "rawlog/batch_scan.hpp"

extern "C" {
#include "access/table.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
}

namespace soup::rawlog {

namespace {

struct BatchColumn {
    enum : AttrNumber {
        model = 2,
        received_at,
        first_offset,
        partition,
        record_count,
        explicit_version = 8,
        stream = 10,
        content_type,
        frame
    };
};

constexpr int scan_keys_max = 5;

bool has_columns(Relation index, std::initializer_list<AttrNumber> columns) {
    if (index->rd_index->indnkeyatts != static_cast<int>(columns.size())) return false;
    return std::equal(columns.begin(), columns.end(), index->rd_index->indkey.values);
}

/// The leaf's index for this lane, found by its columns. May raise.
Relation open_index(Relation heap, Lane lane) {
    List* oids = RelationGetIndexList(heap);
    for (int i = 0; i < list_length(oids); ++i) {
        Relation index = index_open(list_nth_oid(oids, i), AccessShareLock);
        const bool fits =
            lane == Lane::labelled
                ? has_columns(index, {BatchColumn::model, BatchColumn::explicit_version,
                                      BatchColumn::partition, BatchColumn::first_offset})
                : has_columns(index, {BatchColumn::model, BatchColumn::partition, BatchColumn::first_offset});
        if (fits && index->rd_index->indisvalid) {
            list_free(oids);
            return index;
        }
        index_close(index, NoLock);
    }
    // pg_restore makes the indexes last, so this is no damage: it may be over soon.
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("leaf \"%s\" of the raw log lacks an index", RelationGetRelationName(heap))));
    return nullptr; // not reached
}

struct Bound {
    StrategyNumber strategy;
    RegProcedure compare;
    std::int64_t offset;
};

/// Fills the scan keys of the lane's index; returns how many.
int fill_keys(ScanKey keys, const BatchKey& key, std::initializer_list<Bound> bounds) {
    int count = 0;
    auto add = [&](StrategyNumber strategy, RegProcedure compare, Datum value) {
        ScanKeyInit(&keys[count], static_cast<AttrNumber>(count + 1), strategy, compare, value);
        ++count;
    };
    add(BTEqualStrategyNumber, F_UUID_EQ, uuid_datum(key.model));
    if (key.lane == Lane::labelled) add(BTEqualStrategyNumber, F_UUID_EQ, uuid_datum(key.version));
    add(BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(key.partition));
    const auto offset_column = static_cast<AttrNumber>(count + 1);
    for (const Bound& bound : bounds)
        ScanKeyInit(&keys[count++], offset_column, bound.strategy, bound.compare,
                    Int64GetDatum(bound.offset));
    return count;
}

} // namespace

BatchScan::BatchScan(Oid leaf, const BatchKey& key, std::int64_t from_offset, std::int64_t to_offset,
                     const LatestSnapshot& snapshot)
    : memory_("scan of raw batches") {
    const pg::ContextScope scope(memory_.get());
    pg::call([&] {
        heap_ = table_open(leaf, AccessShareLock);
        index_ = open_index(heap_, key.lane);
        slot_ = table_slot_create(heap_, nullptr);
        ScanKeyData keys[scan_keys_max];
        const int count = fill_keys(keys, key,
                                    {{BTGreaterEqualStrategyNumber, F_INT8GE, from_offset},
                                     {BTLessStrategyNumber, F_INT8LT, to_offset}});
        scan_ = index_beginscan(heap_, index_, snapshot.get(), count, 0);
        index_rescan(scan_, keys, count, nullptr, 0);
    });
}

BatchScan::~BatchScan() {
    if (pg::server_error_unwinding()) return;
    pg::contain("end a scan of raw batches", [&] {
        pg::call([&] {
            index_endscan(scan_);
            ExecDropSingleTupleTableSlot(slot_);
            index_close(index_, NoLock);
            table_close(heap_, NoLock);
        });
    });
}

std::optional<BatchRow> BatchScan::next() {
    const pg::ContextScope scope(memory_.get());
    BatchRow row{};
    const bool found = pg::call([&] {
        CHECK_FOR_INTERRUPTS();
        if (!index_getnext_slot(scan_, ForwardScanDirection, slot_)) return false;
        slot_getallattrs(slot_);
        auto value = [&](AttrNumber column) { return slot_->tts_values[column - 1]; };
        row.first_offset = DatumGetInt64(value(BatchColumn::first_offset));
        row.record_count = DatumGetInt32(value(BatchColumn::record_count));
        row.received_at = DatumGetTimestampTz(value(BatchColumn::received_at));
        row.is_labelled = !slot_->tts_isnull[BatchColumn::explicit_version - 1];
        row.stream = value(BatchColumn::stream);
        row.content_type = value(BatchColumn::content_type);
        row.frame = value(BatchColumn::frame);
        return true;
    });
    return found ? std::optional(row) : std::nullopt;
}

std::optional<std::int64_t> last_batch_at(Oid leaf, const BatchKey& key, std::int64_t offset,
                                          const LatestSnapshot& snapshot) {
    const pg::OwnedContext memory("search of a raw batch");
    const pg::ContextScope scope(memory.get());
    std::int64_t first_offset = 0;
    const bool found = pg::call([&] {
        Relation heap = table_open(leaf, AccessShareLock);
        Relation index = open_index(heap, key.lane);
        TupleTableSlot* slot = table_slot_create(heap, nullptr);
        ScanKeyData keys[scan_keys_max];
        const int count = fill_keys(keys, key, {{BTLessEqualStrategyNumber, F_INT8LE, offset}});
        IndexScanDesc scan = index_beginscan(heap, index, snapshot.get(), count, 0);
        index_rescan(scan, keys, count, nullptr, 0);
        const bool any = index_getnext_slot(scan, BackwardScanDirection, slot);
        bool is_null;
        if (any) first_offset = DatumGetInt64(slot_getattr(slot, BatchColumn::first_offset, &is_null));
        index_endscan(scan);
        ExecDropSingleTupleTableSlot(slot);
        index_close(index, NoLock);
        table_close(heap, NoLock);
        return any;
    });
    return found ? std::optional(first_offset) : std::nullopt;
}

frame::Frame decode_frame(const BatchRow& row, std::int32_t partition) {
    const std::string place =
        "Partition " + std::to_string(partition) + ", offset " + std::to_string(row.first_offset) + ".";
    std::optional<frame::Frame> frame;
    try {
        const pg::Varlena stored(row.frame);
        frame.emplace(frame::decode(stored.bytes()));
    } catch (const Error& error) {
        throw Error(error.sqlstate(), error.reason(), "raw log is damaged: " + error.message(),
                    error.detail().empty() ? place : place + " " + error.detail());
    }
    if (frame->size() != static_cast<std::size_t>(row.record_count))
        throw Error("XX001", "",
                    "raw log is damaged: a batch holds another number of records than its row says", place);
    return *std::move(frame);
}

} // namespace soup::rawlog
