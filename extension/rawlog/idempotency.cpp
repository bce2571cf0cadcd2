// Idempotency keys: (org, producer, key) is stored once, and a repetition gets the first one's answer.
//
// The advisory locks make two transactions with the same key run one after the other: the second takes its
// snapshot after it has got the lock, so it sees what the first has committed. Lock numbers are a hash folded
// to 16 bits, so that a call can't fill the server's lock table; keys which share a number wait for each
// other and nothing else.
#include "rawlog/stages.hpp"

#include "rawlog/durability.hpp"
#include "rawlog/stream_hash.hpp"

extern "C" {
#include "storage/lock.h"
#include "utils/fmgroids.h"
}

#include <unordered_map>

namespace soup::rawlog {

namespace {

/// Of the server's lock-tag field that says 1 or 2 for pg_advisory_lock: ours can't meet a user's.
constexpr std::uint16_t lock_class = 0x5350;

/// Of soup.idempotency, those that are read back.
struct AppendKeyColumn {
    enum : AttrNumber { digest = 4, partition = 6, first_offset, count, routed };
};
constexpr int append_key_column_count = 10;

std::string scoped_key(const Item& item) {
    std::string key(reinterpret_cast<const char*>(item.route->model.org.data()),
                    item.route->model.org.size());
    key.append(reinterpret_cast<const char*>(item.identity.principal.data()), item.identity.principal.size());
    key.append(*item.request->idempotency_key);
    return key;
}

void hash_piece(crypto::Hasher& hasher, std::string_view piece) {
    const auto bytes = static_cast<std::uint64_t>(piece.size());
    std::array<std::byte, 8> length;
    for (std::size_t i = 0; i < length.size(); ++i)
        length[i] = static_cast<std::byte>(bytes >> (8 * i));
    hasher.update(length);
    hasher.update(piece);
}

Error key_conflict() {
    return {"40000",
            "CONFLICT",
            "idempotency key was used before for another request",
            {},
            "Use a new key for each new request."};
}

/// The stored answer, if the key has one. It says "durable" as the first one did.
void answer_from_row(Item& item, const StoredTable& table) {
    bool is_null;
    pg::Varlena digest(table.column(AppendKeyColumn::digest, &is_null));
    if (!std::ranges::equal(digest.bytes(), std::as_bytes(std::span(item.request_digest)))) {
        item.refuse(key_conflict());
        return;
    }
    flush_commit_of(table.writer());
    item.outcome->partition = DatumGetInt32(table.column(AppendKeyColumn::partition, &is_null));
    item.outcome->first_offset = DatumGetInt64(table.column(AppendKeyColumn::first_offset, &is_null));
    item.outcome->count = DatumGetInt32(table.column(AppendKeyColumn::count, &is_null));
    const Datum routed = table.column(AppendKeyColumn::routed, &is_null);
    if (!is_null) item.outcome->label = visible_label(item.identity, *item.route, pg::to_uuid(routed));
    item.is_open = false;
}

} // namespace

// The frame's own digest covers lengths, times and bytes of all records, whatever the codec.
void identify_request(Item& item) {
    crypto::Hasher hasher;
    hash_piece(hasher, "soup-append-1");
    hasher.update(std::as_bytes(std::span(item.route->model.model)));
    const Uuid version = item.route->explicit_version.value_or(crypto::nil_uuid);
    hasher.update(std::as_bytes(std::span(version)));
    hash_piece(hasher, item.stream);
    hash_piece(hasher, item.content_type);
    const auto* frame = reinterpret_cast<const std::byte*>(VARDATA(DatumGetPointer(item.frame)));
    const frame::ContentDigest content = frame::stored_digest({frame, item.frame_bytes});
    hasher.update(std::as_bytes(std::span(content)));
    item.request_digest = hasher.finish();
    const std::uint64_t hash = stream_hash(scoped_key(item));
    item.key_lock = static_cast<std::uint16_t>(hash);
}

void lock_keys(Items& items) {
    std::vector<std::uint16_t> numbers;
    for (const Item& item : items)
        if (item.is_open && item.has_key()) numbers.push_back(item.key_lock);
    if (numbers.empty()) return;
    std::ranges::sort(numbers);
    const auto repeated = std::ranges::unique(numbers);
    numbers.erase(repeated.begin(), repeated.end());
    pg::call([&] {
        for (std::uint16_t number : numbers) {
            LOCKTAG tag;
            SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, number, lock_class);
            LockAcquire(&tag, ExclusiveLock, false, false);
        }
    });
}

void find_repeated(Items& items, const LatestSnapshot& snapshot) {
    std::optional<StoredTable> table;
    std::unordered_map<std::string, const Item*> seen;
    for (Item& item : items) {
        if (!item.is_open || !item.has_key()) continue;
        if (!table) table.emplace(table_oid("soup", "idempotency"));
        const Datum key_text = make_varlena(*item.request->idempotency_key);
        const KeyColumn key[] = {{F_UUID_EQ, uuid_datum(item.route->model.org)},
                                 {F_UUID_EQ, uuid_datum(item.identity.principal)},
                                 {F_TEXTEQ, key_text}};
        if (table->find(snapshot, key)) {
            answer_from_row(item, *table);
            continue;
        }
        const auto [first, is_new] = seen.emplace(scoped_key(item), &item);
        if (is_new) continue;
        if (first->second->request_digest == item.request_digest)
            item.same_as = first->second;
        else
            item.refuse(key_conflict());
    }
}

void remember_keys(const Items& items) {
    std::optional<StoredTable> table;
    for (const Item& item : items) {
        if (!item.is_open || !item.has_key() || item.same_as != nullptr) continue;
        if (!table) table.emplace(table_oid("soup", "idempotency"));
        const bool routed = item.routed_version.has_value();
        const Datum values[append_key_column_count] = {
            uuid_datum(item.route->model.org),
            uuid_datum(item.identity.principal),
            make_varlena(*item.request->idempotency_key),
            make_varlena(std::as_bytes(std::span(item.request_digest))),
            uuid_datum(item.route->model.model),
            Int32GetDatum(item.outcome->partition),
            Int64GetDatum(item.outcome->first_offset),
            Int32GetDatum(item.outcome->count),
            routed ? uuid_datum(*item.routed_version) : Datum{0},
            TimestampTzGetDatum(item.received_at)};
        const bool nulls[append_key_column_count] = {false, false, false, false,   false,
                                                     false, false, false, !routed, false};
        table->add(values, nulls, item.request->idempotency_key->size());
    }
    if (table) table->flush();
}

} // namespace soup::rawlog
