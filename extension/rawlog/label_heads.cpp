// soup.label_head: how far the log holds records with a version's own label. Staged versions without any are
// idle at no cost, because nobody has to scan the log for them.
//
// The row is written under the lock of the partition's row only, so it needs no lock of its own; it is looked
// up under a snapshot taken after that lock.
#include "rawlog/stages.hpp"

extern "C" {
#include "utils/fmgroids.h"
}

#include <map>
#include <tuple>

namespace soup::rawlog {

namespace {

using HeadKey = std::tuple<Uuid, Uuid, Uuid, std::int32_t>; ///< org, model, version, partition

enum : AttrNumber { column_head_offset = 5 };
constexpr int label_head_column_count = 5;

void raise_head(StoredTable& table, const LatestSnapshot& snapshot, const HeadKey& key, std::int64_t head) {
    const auto& [org, model, version, partition] = key;
    const KeyColumn columns[] = {{F_UUID_EQ, uuid_datum(org)},
                                 {F_UUID_EQ, uuid_datum(model)},
                                 {F_UUID_EQ, uuid_datum(version)},
                                 {F_INT4EQ, Int32GetDatum(partition)}};
    if (!table.find(snapshot, columns)) {
        // Route and partition row vouch for what the foreign keys would check.
        const Datum values[label_head_column_count] = {uuid_datum(org), uuid_datum(model),
                                                       uuid_datum(version), Int32GetDatum(partition),
                                                       Int64GetDatum(head)};
        const bool nulls[label_head_column_count] = {};
        table.add(values, nulls, sizeof(HeadKey));
        return;
    }
    const NewValue value[] = {{column_head_offset, Int64GetDatum(head)}};
    if (table.update(snapshot, value) != UpdateOutcome::done)
        throw std::runtime_error("a label's head was written without the lock of its partition");
}

} // namespace

void raise_heads(const Items& items) {
    std::map<HeadKey, std::int64_t> heads;
    for (const Item& item : items) {
        if (!item.is_open || item.same_as != nullptr || !item.route->explicit_version) continue;
        // Later items of a partition have higher offsets.
        heads[{item.route->model.org, item.route->model.model, *item.route->explicit_version,
               item.partition}] = item.outcome->first_offset + item.outcome->count;
    }
    if (heads.empty()) return;
    LatestSnapshot snapshot;
    StoredTable table(table_oid("soup", "label_head"));
    for (const auto& [key, head] : heads)
        raise_head(table, snapshot, key, head);
    table.flush();
}

} // namespace soup::rawlog
