// An index and its table, opened and locked for a function that was given the index's name.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "storage/lockdefs.h"
#include "utils/rel.h"
}

namespace soup::tree {

/// Keeps the locks until the transaction's end. Until the end of the scope, index expressions are evaluated
/// with the rights of the table's owner, as in the server's own maintenance commands, so that whoever calls
/// lends them nothing.
class IndexLock {
public:
    /// Refuses with 42809 what is no index with pages of its own, with 0A000 another session's.
    IndexLock(Oid index, LOCKMODE mode);
    ~IndexLock();
    IndexLock(const IndexLock&) = delete;
    IndexLock& operator=(const IndexLock&) = delete;

    Relation heap() const noexcept { return heap_; }
    Relation index() const noexcept { return index_; }

private:
    Relation heap_ = nullptr, index_ = nullptr;
    Oid user_ = InvalidOid;
    int security_ = 0, settings_level_ = 0;
};

} // namespace soup::tree
