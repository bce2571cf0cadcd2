// Offsets, time of receipt and default version, all from the locked row of soup.partition.
//
// Partitions are taken in the order of their key; promote takes a model's in the same order, so neither can
// deadlock with the other. From the update to the commit nobody else appends to the partition: offsets are
// dense, and commit order is offset order. What is read from the row is current whatever snapshot the
// statement runs under.
#include "rawlog/partition_columns.hpp"
#include "rawlog/stages.hpp"

extern "C" {
#include "utils/fmgroids.h"
#include "utils/timestamp.h"
}

#include <tuple>

namespace soup::rawlog {

namespace {

using Group = std::span<Item*>;

struct PartitionRow {
    bool is_sealed;
    std::int64_t next_offset;
    std::optional<Uuid> default_version;
    TimestampTz last_received_at;
};

PartitionRow read_row(const StoredTable& table) {
    bool is_null;
    PartitionRow row{};
    row.is_sealed = DatumGetBool(table.column(PartitionColumn::sealed, &is_null));
    row.next_offset = DatumGetInt64(table.column(PartitionColumn::next_offset, &is_null));
    row.last_received_at = DatumGetTimestampTz(table.column(PartitionColumn::last_received_at, &is_null));
    const Datum version = table.column(PartitionColumn::default_version, &is_null);
    if (!is_null) row.default_version = pg::to_uuid(version);
    return row;
}

/// Routes the item by the row; refuses it if the route no longer holds. The row has not been written yet.
void route_by_row(Item& item, const PartitionRow& row) {
    const Route& route = *item.route;
    // The route is older than a change of the number of partitions; the next call makes a new one.
    if (row.is_sealed) {
        item.refuse({"53300", "BUSY", "the model's partitions are being changed", {}, "Repeat the request."});
        return;
    }
    item.routed_version = route.explicit_version ? route.explicit_version : row.default_version;
    if (route.explicit_version || row.default_version == route.default_version) {
        item.outcome->label = route.label;
        return;
    }
    // Promoted since the route was made: the right has to cover the new default too.
    try {
        item.outcome->label = default_label(item.identity, route, row.default_version);
    } catch (Error& refusal) {
        item.refuse(std::move(refusal));
    }
}

/// Advances the row by the group's records and gives each item its offsets.
void take_from_partition(StoredTable& table, Group group, const LatestSnapshot& snapshot) {
    const Item& first = *group.front();
    const KeyColumn key[] = {{F_UUID_EQ, uuid_datum(first.route->model.org)},
                             {F_UUID_EQ, uuid_datum(first.route->model.model)},
                             {F_INT4EQ, Int32GetDatum(first.partition)}};
    UpdateOutcome updated = table.find(snapshot, key) ? UpdateOutcome::row_changed : UpdateOutcome::row_gone;
    while (updated == UpdateOutcome::row_changed) {
        const PartitionRow row = read_row(table);
        const TimestampTz received_at = std::max(GetCurrentTimestamp(), row.last_received_at);
        std::int64_t next = row.next_offset;
        for (Item* item : group) {
            if (item->is_open) route_by_row(*item, row);
            if (!item->is_open) continue;
            item->received_at = received_at;
            item->outcome->partition = item->partition;
            item->outcome->first_offset = next;
            item->outcome->count = item->record_count;
            next += item->outcome->count;
        }
        if (next == row.next_offset) return;
        const NewValue values[] = {{PartitionColumn::next_offset, Int64GetDatum(next)},
                                   {PartitionColumn::last_received_at, TimestampTzGetDatum(received_at)}};
        updated = table.update(snapshot, values);
    }
    if (updated == UpdateOutcome::row_gone)
        throw std::runtime_error("a partition row has gone during an append");
}

} // namespace

void take_offsets(Items& items, const LatestSnapshot& snapshot) {
    std::vector<Item*> order;
    for (Item& item : items)
        if (item.is_open && item.same_as == nullptr) order.push_back(&item);
    if (order.empty()) return;
    // Items keep their order within a partition: their addresses ascend.
    auto partition_of = [](const Item* item) {
        return std::tie(item->route->model.org, item->route->model.model, item->partition);
    };
    std::ranges::sort(order, [&](const Item* left, const Item* right) {
        const auto compared = partition_of(left) <=> partition_of(right);
        return compared != 0 ? compared < 0 : left < right;
    });
    StoredTable table(table_oid("soup", "partition"));
    for (auto begin = order.begin(); begin != order.end();) {
        auto end = std::find_if(begin, order.end(),
                                [&](const Item* item) { return partition_of(item) != partition_of(*begin); });
        take_from_partition(table, {begin, end}, snapshot);
        begin = end;
    }
}

} // namespace soup::rawlog
