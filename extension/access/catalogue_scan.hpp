// Rows of the platform's own tables by key, read past the executor: no plan, no row-level security, always as
// of now. That is what deciding about access needs: policies ask here, so it must not ask policies, and a
// right that was taken away has to count whatever snapshot the query runs on. Works in parallel workers too.
#pragma once

#include "boundary/datum.hpp"
#include "boundary/memory.hpp"

namespace soup::access {

/// A column of the search key: heap column number, equality function, value. Text compares bytewise.
struct KeyColumn {
    AttrNumber column;
    RegProcedure equal;
    Datum value;
};

/// The rows found, copied, so that nothing stays open. Datums live as long as this object.
class FoundRows {
public:
    /// Reads soup.<table> through soup.<index>, or all of it when index is null.
    FoundRows(const char* table, const char* index, std::span<const KeyColumn> key);

    std::size_t size() const noexcept { return static_cast<std::size_t>(count_); }
    bool empty() const noexcept { return count_ == 0; }

    bool is_null(std::size_t row, AttrNumber column) const;
    /// A null is an internal error: ask is_null() where there may be one.
    Datum datum(std::size_t row, AttrNumber column) const;

private:
    Datum fetch(std::size_t row, AttrNumber column, bool* is_null) const;

    pg::OwnedContext memory_;
    HeapTuple* rows_ = nullptr;
    int count_ = 0;
    TupleDesc description_ = nullptr;
};

/// A text value to search for, made in the current context.
Datum search_text(std::string_view text);
/// Points to the bytes, which must outlive the search.
Datum search_uuid(const pg::Uuid& uuid);

} // namespace soup::access
