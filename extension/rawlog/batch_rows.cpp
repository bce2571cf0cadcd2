// Batch rows, straight into their leaves: one WAL record for the rows of a page, index entries one by one.
//
// What the parent's constraints ask for is given: record_count is above 0 (checked with the request), the
// leaf is the one of org and month, no column but the nullable versions is null.
#include "rawlog/stages.hpp"

#include "rawlog/leaf.hpp"

#include <map>

namespace soup::rawlog {

namespace {

constexpr int batch_column_count = 12;

void add_batch(StoredTable& leaf, const Item& item) {
    const bool is_labelled = item.route->explicit_version.has_value(),
               is_routed = item.routed_version.has_value();
    const Datum values[batch_column_count] = {uuid_datum(item.route->model.org),
                                              uuid_datum(item.route->model.model),
                                              TimestampTzGetDatum(item.received_at),
                                              Int64GetDatum(item.outcome->first_offset),
                                              Int32GetDatum(item.outcome->partition),
                                              Int32GetDatum(item.outcome->count),
                                              uuid_datum(item.identity.principal),
                                              is_labelled ? uuid_datum(*item.route->explicit_version)
                                                          : Datum{0},
                                              is_routed ? uuid_datum(*item.routed_version) : Datum{0},
                                              make_varlena(item.stream),
                                              make_varlena(item.content_type),
                                              item.frame};
    const bool nulls[batch_column_count] = {false, false,        false,      false, false, false,
                                            false, !is_labelled, !is_routed, false, false, false};
    leaf.add(values, nulls, item.frame_bytes);
}

} // namespace

void store_batches(const Items& items) {
    // An org's partitions may stand in different months at the turn of one; nearly always this is one leaf
    // per org.
    std::map<std::pair<Uuid, Month>, std::vector<const Item*>> by_leaf;
    for (const Item& item : items)
        if (item.is_open && item.same_as == nullptr)
            by_leaf[{item.route->model.org, month_of(item.received_at)}].push_back(&item);
    for (const auto& [place, rows] : by_leaf) {
        StoredTable leaf(acquire_leaf(place.first, place.second));
        for (const Item* item : rows)
            add_batch(leaf, *item);
        leaf.flush();
    }
}

} // namespace soup::rawlog
