// The stages of an append in order (see stages.hpp for what each may do).
//
// All that can be done without a lock is done before the first one: tokens, rights, routes, sizes, JSON,
// frames. From the partition rows on every µs is waited for by other producers of the same partitions.
#include "rawlog/append.hpp"

#include "rawlog/columns_body.hpp"
#include "rawlog/durability.hpp"
#include "rawlog/stages.hpp"
#include "rawlog/stream_hash.hpp"
#include "rawlog/wake.hpp"

extern "C" {
#include "access/xlog.h"
}

#include <malloc.h>

namespace soup::rawlog {

namespace {

void refuse_where_nothing_can_be_written() {
    if (RecoveryInProgress())
        throw Error("25006", "PRIMARY_ONLY", "records can be appended on the primary only");
    pg::call([] { PreventCommandIfReadOnly("append"); });
}

/// glibc gives freed memory back to the kernel from 128 KiB on, to fetch and clear it anew for the next
/// batch: page faults were a sixth of a batch append's CPU. A backend that appends keeps up to 16 MiB
/// instead.
void keep_freed_memory() {
    static const bool is_set = [] {
        mallopt(M_MMAP_THRESHOLD, 4 << 20);
        mallopt(M_TRIM_THRESHOLD, 16 << 20);
        return true;
    }();
    (void)is_set;
}

/// Fills the item's content type, number of records and frame, which is a bytea in the current context.
void make_frame(Item& item, std::vector<frame::Record>& records) {
    // Keeps its buffers from call to call, up to a limit of its own.
    static auto* encoder = new frame::Encoder;
    const Request& request = *item.request;
    const ContentType type = read_content_type(request);
    frame::ColumnRecords columns;
    if (type.is_columns_body) {
        columns = unpack_columns(request);
        records.swap(columns.records);
        item.unpacked_type = std::move(columns.content_type);
        item.content_type = item.unpacked_type;
    } else {
        collect_records(request, records);
        item.content_type = type.of_records;
    }
    check_records(item.content_type, records);
    const std::span<const std::byte> frame = encoder->encode(records);
    item.record_count = static_cast<std::int32_t>(records.size());
    item.frame = make_varlena(frame);
    item.frame_bytes = frame.size();
}

/// Everything before the locks. Throws a refusal.
void prepare(Item& item, std::vector<frame::Record>& records) {
    const Request& request = *item.request;
    check_request(request);
    item.route = find_route(item.identity, *request.model, request.label);
    item.stream = request.stream.value_or(item.route->default_stream);
    const auto& partitions = item.route->partitions;
    item.partition = partitions[stream_place(item.stream, partitions.size())];
    make_frame(item, records);
    if (item.has_key()) identify_request(item);
}

void prepare_all(std::span<const Element> elements, Items& items, std::vector<Outcome>& outcomes) {
    std::vector<frame::Record> records;
    for (std::size_t i = 0; i < elements.size(); ++i) {
        Item& item = items[i];
        item.request = &elements[i].request;
        item.outcome = &outcomes[i];
        item.identity = elements[i].identity;
        if (elements[i].refusal) {
            item.refuse(*elements[i].refusal);
            continue;
        }
        try {
            prepare(item, records);
        } catch (Error& refusal) {
            item.refuse(std::move(refusal));
        }
    }
}

/// An element with the same key as an earlier one of the call has that one's fate.
void answer_repeated(Items& items) {
    for (Item& item : items)
        if (item.is_open && item.same_as != nullptr) *item.outcome = *item.same_as->outcome;
}

} // namespace

std::vector<Outcome> append(std::span<const Element> elements) {
    refuse_where_nothing_can_be_written();
    keep_freed_memory();
    std::vector<Outcome> outcomes(elements.size());
    Items items(elements.size());
    prepare_all(elements, items, outcomes);
    if (std::ranges::none_of(items, &Item::is_open)) return outcomes;

    lock_keys(items);
    {
        LatestSnapshot snapshot;
        find_repeated(items, snapshot);
        take_offsets(items, snapshot);
    }
    store_batches(items);
    raise_heads(items);
    remember_keys(items);
    answer_repeated(items);

    if (std::ranges::any_of(items, &Item::is_open)) {
        // A second append in this transaction has to see this one's partition row.
        pg::call([] { CommandCounterIncrement(); });
        // The answer says "durable"; a database or role setting must not turn that off.
        flush_after_locks();
        // What no version is routed to waits for a promotion; there is nobody to wake for it.
        if (std::ranges::any_of(items, [](const Item& item) { return item.routed_version.has_value(); }))
            announce_after_commit();
    }
    return outcomes;
}

} // namespace soup::rawlog
