// The same fetch as an index scan's, so a HOT chain is followed to the version that counts.
#include "vann/row_reader.hpp"

#include "tree/address.hpp"

extern "C" {
#include "catalog/index.h"
#include "executor/executor.h"
}

namespace soup::vann {

RowReader::RowReader(Relation heap, Relation index, Snapshot snapshot) : snapshot_(snapshot) {
    pg::call([&] {
        info_ = BuildIndexInfo(index);
        slot_ = table_slot_create(heap, nullptr);
        if (info_->ii_Expressions != NIL) executor_ = CreateExecutorState();
        fetch_ = table_index_fetch_begin(heap);
    });
}

/// Of an expression all columns of the row count: it may fetch what lies outside before it says so.
bool RowReader::is_in_line() {
    const auto is_outside = [&](int column) {
        bool is_null = false;
        const Datum value = slot_getattr(slot_, column, &is_null);
        return !is_null && TupleDescAttr(slot_->tts_tupleDescriptor, column - 1)->attlen == -1 &&
               VARATT_IS_EXTERNAL(DatumGetPointer(value));
    };
    if (executor_ == nullptr) return !is_outside(info_->ii_IndexAttrNumbers[0]);
    for (int column = 1; column <= slot_->tts_tupleDescriptor->natts; ++column)
        if (is_outside(column)) return false;
    return true;
}

std::optional<Datum> RowReader::read(tree::HeapAddress address, Read read) {
    Datum value{};
    const bool is_there = pg::call([&] {
        ItemPointerData row = tree::to_item_pointer(address);
        bool call_again = false, is_null = false;
        if (!table_index_fetch_tuple(fetch_, &row, snapshot_, slot_, &call_again, nullptr)) return false;
        if (read == Read::in_line && !is_in_line()) return false;
        if (executor_ == nullptr) {
            value = slot_getattr(slot_, info_->ii_IndexAttrNumbers[0], &is_null);
            return !is_null;
        }
        Datum values[INDEX_MAX_KEYS];
        bool are_null[INDEX_MAX_KEYS];
        ExprContext* context = GetPerTupleExprContext(executor_);
        ResetExprContext(context);
        context->ecxt_scantuple = slot_;
        FormIndexDatum(info_, slot_, executor_, values, are_null);
        value = values[0];
        return !are_null[0];
    });
    return is_there ? std::optional(value) : std::nullopt;
}

void RowReader::close() noexcept {
    if (fetch_ == nullptr || pg::server_error_unwinding()) return;
    table_index_fetch_end(std::exchange(fetch_, nullptr));
    ExecDropSingleTupleTableSlot(slot_);
    if (executor_ != nullptr) FreeExecutorState(executor_);
}

} // namespace soup::vann
