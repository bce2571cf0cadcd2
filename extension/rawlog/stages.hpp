// An append on its way through its stages, one file each. append.cpp runs them in this order, which is also
// the order of the locks, the same for every caller:
//
//   1 lock_keys        advisory locks of the idempotency keys, by number
//   2 find_repeated    answers what was appended before under the same key
//   3 take_offsets     updates the partition rows, in key order: offsets, time of receipt, default version
//   4 store_batches    rows into the leaves of the raw log
//   5 raise_heads      label_head of explicit labels
//   6 remember_keys    rows of idempotency
//
// A stage looks only at items that are still open; it refuses an item by writing its outcome. Nothing is
// written before stage 3, and stage 3 refuses an item only before it updates the item's partition, so a
// refused item leaves nothing.
#pragma once

#include "rawlog/append.hpp"
#include "rawlog/route.hpp"
#include "rawlog/stored_table.hpp"
#include "core/crypto/digest.hpp"

namespace soup::rawlog {

struct Item {
    const Request* request = nullptr;
    Outcome* outcome = nullptr;
    Identity identity;
    std::shared_ptr<const Route> route;
    std::int32_t partition = 0;
    std::string_view stream, content_type;
    std::string unpacked_type; ///< Of a columns body's rows: content_type's text.
    std::int32_t record_count = 0;
    Datum frame = 0; ///< bytea in the call's memory.
    std::size_t frame_bytes = 0;

    crypto::Digest request_digest{}; ///< With an idempotency key only.
    std::uint16_t key_lock = 0;      ///< Likewise.
    const Item* same_as = nullptr;   ///< An earlier item of this call with the same key and content.

    std::optional<Uuid> routed_version;
    TimestampTz received_at = 0;
    bool is_open = true; ///< Neither refused nor answered yet.

    void refuse(Error error) {
        outcome->refusal.emplace(std::move(error));
        is_open = false;
    }
    bool has_key() const noexcept { return request->idempotency_key.has_value(); }
};

using Items = std::vector<Item>;

/// Fills digest and lock number of an item that has a key.
void identify_request(Item& item);
void lock_keys(Items& items);
void find_repeated(Items& items, const LatestSnapshot& snapshot);
void remember_keys(const Items& items);

void take_offsets(Items& items, const LatestSnapshot& snapshot);
void store_batches(const Items& items);
void raise_heads(const Items& items);

} // namespace soup::rawlog
