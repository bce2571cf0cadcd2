// Rows of (int8, bytea), sorted by the number alone.
#include "tree/tuple_sorter.hpp"

extern "C" {
#include "access/tupdesc.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
}

namespace soup::tree {
namespace {

/// int8 is signed: turning the highest bit keeps the order of unsigned numbers.
constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;
constexpr Oid int8_less = 412; // pg_operator.dat; the server's headers have no name for it.

} // namespace

TupleSorter::TupleSorter(std::size_t memory_bytes, SortCoordinate part) {
    pg::call([&] {
        TupleDesc row = CreateTemplateTupleDesc(2);
        TupleDescInitEntry(row, 1, "key", INT8OID, -1, 0);
        TupleDescInitEntry(row, 2, "row", BYTEAOID, -1, 0);
        AttrNumber key = 1;
        Oid less = int8_less, collation = InvalidOid;
        bool nulls_first = false;
        const auto kilobytes = std::clamp<std::size_t>(memory_bytes / 1024, 64, MAX_KILOBYTES);
        slot_ = MakeSingleTupleTableSlot(row, &TTSOpsMinimalTuple);
        state_ = tuplesort_begin_heap(row, 1, &key, &less, &collation, &nulls_first,
                                      static_cast<int>(kilobytes), part, TUPLESORT_NONE);
    });
}

TupleSorter::~TupleSorter() {
    // After an ERROR, memory and files go with the transaction.
    if (pg::server_error_unwinding() || state_ == nullptr) return;
    tuplesort_end(state_);
    ExecDropSingleTupleTableSlot(slot_);
}

void TupleSorter::put(std::uint64_t key, std::span<const std::byte> row) {
    datum_.resize(VARHDRSZ + row.size());
    SET_VARSIZE(datum_.data(), datum_.size());
    if (!row.empty()) std::memcpy(datum_.data() + VARHDRSZ, row.data(), row.size());
    pg::call([&] {
        ExecClearTuple(slot_);
        slot_->tts_values[0] = Int64GetDatum(static_cast<std::int64_t>(key ^ sign_bit));
        slot_->tts_values[1] = PointerGetDatum(datum_.data());
        slot_->tts_isnull[0] = slot_->tts_isnull[1] = false;
        ExecStoreVirtualTuple(slot_);
        tuplesort_puttupleslot(state_, slot_);
    });
}

void TupleSorter::sort() {
    pg::call([&] {
        ExecClearTuple(slot_);
        tuplesort_performsort(state_);
    });
}

bool TupleSorter::next(std::uint64_t& key, std::span<const std::byte>& row) {
    return pg::call([&] {
        if (!tuplesort_gettupleslot(state_, true, false, slot_, nullptr)) return false;
        bool is_null = false;
        key = static_cast<std::uint64_t>(DatumGetInt64(slot_getattr(slot_, 1, &is_null))) ^ sign_bit;
        const auto* stored =
            reinterpret_cast<const varlena*>(DatumGetPointer(slot_getattr(slot_, 2, &is_null)));
        row = {reinterpret_cast<const std::byte*>(VARDATA_ANY(stored)), VARSIZE_ANY_EXHDR(stored)};
        return true;
    });
}

} // namespace soup::tree
