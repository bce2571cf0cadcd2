// soup.verify_raw: the raw log of a model against everything it promises. One row for each violation:
//
// - hole, overlap: batches of a partition do not follow one another (offsets are dense from 0).
// - head: the log ends elsewhere than the partition row's next_offset.
// - time: a time of receipt is earlier than the one before it, or later than the partition row's last.
// - digest: a frame does not decode, its digest differs, or it holds another number of records.
// - index: heap and index of a leaf do not hold the same number of rows.
// - stray: rows of a partition that soup.partition does not know.
//
// Locks: AccessShareLock on the leaves; appends go on. The partition rows are read before the snapshot of the
// scan, so the scan sees at least what they state; what was appended since is compared with the rows as they
// are afterwards. Not checked: whether an index entry points to the right heap row (amcheck does that).
#include "rawlog/batch_scan.hpp"
#include "rawlog/leaf.hpp"
#include "rawlog/partition_columns.hpp"
#include "access/catalogue_scan.hpp"
#include "access/scope.hpp"

extern "C" {
#include "access/table.h"
#include "funcapi.h"
#include "utils/fmgroids.h"
#include "utils/tuplestore.h"
}

#include <map>

namespace soup::rawlog {

namespace {

/// More are not listed: a log with so many is restored, not repaired.
constexpr std::size_t violations_max = 1000;

struct Violation {
    std::int32_t partition;
    std::int64_t first_offset;
    const char* kind;
    std::string detail;
};
using Violations = std::vector<Violation>;

struct PartitionState {
    std::int64_t next_offset;
    TimestampTz last_received_at;
};
using PartitionStates = std::map<std::int32_t, PartitionState>;

struct ModelId {
    Uuid org, model;
};

using RowCounts = std::map<std::int32_t, std::int64_t>; ///< By partition.

ModelId find_model_by_name(std::string_view org_name, std::string_view model_name) {
    const access::KeyColumn org_key[] = {{2, F_TEXTEQ, access::search_text(org_name)}};
    const access::FoundRows orgs("org", "org_name_key", org_key);
    if (orgs.empty()) throw not_found("org does not exist");
    const Uuid org = pg::to_uuid(orgs.datum(0, 1));
    const access::KeyColumn model_key[] = {{1, F_UUID_EQ, access::search_uuid(org)},
                                           {3, F_TEXTEQ, access::search_text(model_name)}};
    const access::FoundRows models("model", "model_org_name_key", model_key);
    if (models.empty()) throw not_found("model does not exist");
    return {org, pg::to_uuid(models.datum(0, 2))};
}

PartitionStates read_partition_states(const ModelId& id) {
    const access::KeyColumn key[] = {{PartitionColumn::org, F_UUID_EQ, access::search_uuid(id.org)},
                                     {PartitionColumn::model, F_UUID_EQ, access::search_uuid(id.model)}};
    const access::FoundRows found("partition", "partition_pkey", key);
    PartitionStates rows;
    for (std::size_t i = 0; i < found.size(); ++i)
        rows[DatumGetInt32(found.datum(i, PartitionColumn::partition))] = {
            DatumGetInt64(found.datum(i, PartitionColumn::next_offset)),
            DatumGetTimestampTz(found.datum(i, PartitionColumn::last_received_at))};
    return rows;
}

/// Rows of the model in the leaf's heap, index or not.
RowCounts count_in_heap(Oid leaf, const Uuid& model, const LatestSnapshot& snapshot) {
    const pg::OwnedContext memory("count of raw batches");
    const pg::ContextScope scope(memory.get());
    struct Open {
        Relation heap;
        TupleTableSlot* slot;
        TableScanDesc scan;
    };
    const Open open = pg::call([&] {
        Relation heap = table_open(leaf, AccessShareLock);
        return Open{heap, table_slot_create(heap, nullptr),
                    table_beginscan(heap, snapshot.get(), 0, nullptr)};
    });
    struct Row {
        std::int32_t partition;
        bool is_ours;
    };
    RowCounts counts;
    for (Row row{}; pg::call([&] {
             CHECK_FOR_INTERRUPTS();
             if (!table_scan_getnextslot(open.scan, ForwardScanDirection, open.slot)) return false;
             slot_getsomeattrs(open.slot, 5);
             row.is_ours = pg::to_uuid(open.slot->tts_values[1]) == model;
             row.partition = DatumGetInt32(open.slot->tts_values[4]);
             return true;
         });) {
        if (row.is_ours) ++counts[row.partition];
    }
    pg::call([&] {
        table_endscan(open.scan);
        ExecDropSingleTupleTableSlot(open.slot);
        table_close(open.heap, NoLock);
    });
    return counts;
}

/// Walks one partition through all leaves.
class PartitionCheck {
public:
    PartitionCheck(const ModelId& id, std::int32_t partition, Violations& violations)
        : key_{id.org, id.model, partition, Lane::default_routed, {}}, violations_(violations) {}

    /// Returns how many rows the leaf's unique index leads to.
    std::int64_t walk(Oid leaf, const LatestSnapshot& snapshot) {
        std::int64_t rows = 0;
        BatchScan scan(leaf, key_, 0, to_head, snapshot);
        while (std::optional<BatchRow> row = scan.next()) {
            ++rows;
            check(*row);
        }
        return rows;
    }

    void compare_with(const PartitionState& before, const PartitionState& after) {
        if (next_ < before.next_offset || next_ > after.next_offset)
            report(next_, "head",
                   "The log ends here, the partition row's next_offset is " +
                       std::to_string(before.next_offset) + ".");
        if (last_received_at_ > after.last_received_at)
            report(next_, "time", "The partition row's last_received_at is earlier than the last batch's.");
    }

private:
    void check(const BatchRow& row) {
        if (row.first_offset > next_)
            report(next_, "hole", std::to_string(row.first_offset - next_) + " records are missing.");
        if (row.first_offset < next_)
            report(row.first_offset, "overlap", "The batch before it ends at " + std::to_string(next_) + ".");
        if (row.received_at < last_received_at_)
            report(row.first_offset, "time", "The batch was received before its predecessor.");
        try {
            decode_frame(row, key_.partition);
        } catch (const Error& damage) {
            report(row.first_offset, "digest", damage.message());
        }
        next_ = row.first_offset + std::max(row.record_count, 0);
        last_received_at_ = std::max(last_received_at_, row.received_at);
    }

    void report(std::int64_t offset, const char* kind, std::string detail) {
        if (violations_.size() < violations_max)
            violations_.push_back({key_.partition, offset, kind, std::move(detail)});
    }

    BatchKey key_;
    Violations& violations_;
    std::int64_t next_ = 0;
    TimestampTz last_received_at_ = DT_NOBEGIN;
};

Violations verify(const ModelId& id) {
    Violations violations;
    const PartitionStates before = read_partition_states(id);
    const LatestSnapshot snapshot;
    std::map<std::int32_t, PartitionCheck> checks;
    for (const auto& [partition, row] : before)
        checks.try_emplace(partition, id, partition, violations);
    for (Oid leaf : list_leaves(id.org)) {
        RowCounts in_heap = count_in_heap(leaf, id.model, snapshot);
        for (const auto& [partition, count] : in_heap)
            if (!before.contains(partition))
                violations.push_back(
                    {partition, 0, "stray", std::to_string(count) + " rows of no known partition."});
        for (auto& [partition, check] : checks) {
            const std::int64_t in_index = check.walk(leaf, snapshot);
            if (in_index != in_heap[partition])
                violations.push_back({partition, 0, "index",
                                      "The heap holds " + std::to_string(in_heap[partition]) +
                                          " rows, the index " + std::to_string(in_index) + "."});
        }
    }
    const PartitionStates after = read_partition_states(id);
    for (auto& [partition, check] : checks)
        if (after.contains(partition)) check.compare_with(before.at(partition), after.at(partition));
    return violations;
}

} // namespace

SOUP_FUNCTION(soup_dba_verify_raw) {
    if (!access::platform_allows(access::Platform::dba))
        throw scope_refused("the raw log is verified by the DBA's function only");
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) throw bad_input("org and model must not be null");
    const Violations violations =
        verify(find_model_by_name(pg::to_string(PG_GETARG_DATUM(0)), pg::to_string(PG_GETARG_DATUM(1))));
    pg::call([&] { InitMaterializedSRF(fcinfo, 0); });
    auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
    for (const Violation& violation : violations) {
        Datum values[] = {Int32GetDatum(violation.partition), Int64GetDatum(violation.first_offset),
                          pg::make_text(violation.kind), pg::make_text(violation.detail)};
        bool nulls[4] = {};
        pg::call([&] { tuplestore_putvalues(result->setResult, result->setDesc, values, nulls); });
    }
    return Datum{0};
}

} // namespace soup::rawlog
