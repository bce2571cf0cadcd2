// The whole search runs under one trap and copies what it finds.
#include "access/catalogue_scan.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/skey.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace soup::access {

namespace {

constexpr int key_columns_max = 4;

Oid relation_oid(const char* name) {
    const Oid schema = get_namespace_oid("soup", false);
    const Oid relation = get_relname_relid(name, schema);
    if (!OidIsValid(relation))
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation \"soup.%s\" does not exist", name));
    return relation;
}

} // namespace

// systable_beginscan with no snapshot takes a catalogue snapshot, which for a table outside the system
// catalogue is a new one each time; unlike GetLatestSnapshot it is allowed in parallel workers.
FoundRows::FoundRows(const char* table, const char* index, std::span<const KeyColumn> key)
    : memory_("soup catalogue rows") {
    if (key.size() > key_columns_max) throw std::logic_error("a search key has too many columns");
    pg::call([&] {
        ScanKeyData columns[key_columns_max];
        for (std::size_t i = 0; i < key.size(); ++i)
            ScanKeyInit(&columns[i], key[i].column, BTEqualStrategyNumber, key[i].equal, key[i].value);
        Relation relation = table_open(relation_oid(table), AccessShareLock);
        const Oid index_oid = index != nullptr ? relation_oid(index) : InvalidOid;
        SysScanDesc scan = systable_beginscan(relation, index_oid, index != nullptr, nullptr,
                                              static_cast<int>(key.size()), columns);
        MemoryContext before = MemoryContextSwitchTo(memory_.get());
        description_ = CreateTupleDescCopy(RelationGetDescr(relation));
        int capacity = 0;
        for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
            if (count_ == capacity) {
                const int wider = capacity == 0 ? 4 : 2 * capacity;
                const std::size_t bytes = sizeof(HeapTuple) * static_cast<std::size_t>(wider);
                rows_ = static_cast<HeapTuple*>(
                    rows_ == nullptr ? palloc(bytes) : repalloc(static_cast<void*>(rows_), bytes));
                capacity = wider;
            }
            rows_[count_++] = heap_copytuple(row);
        }
        MemoryContextSwitchTo(before);
        systable_endscan(scan);
        table_close(relation, AccessShareLock);
    });
}

Datum FoundRows::fetch(std::size_t row, AttrNumber column, bool* is_null) const {
    return heap_getattr(rows_[row], column, description_, is_null);
}

bool FoundRows::is_null(std::size_t row, AttrNumber column) const {
    bool null = false;
    fetch(row, column, &null);
    return null;
}

Datum FoundRows::datum(std::size_t row, AttrNumber column) const {
    bool null = false;
    const Datum value = fetch(row, column, &null);
    if (null) throw std::logic_error("unexpected null in a catalogue row");
    return value;
}

Datum search_text(std::string_view text) {
    return pg::make_text(text);
}

Datum search_uuid(const pg::Uuid& uuid) {
    return PointerGetDatum(uuid.data());
}

} // namespace soup::access
