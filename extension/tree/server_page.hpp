// A buffer's bytes. The server's macros for that use its names Block and Page, which mean something else in
// soup::tree, so they are expanded here, outside of it.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
}

namespace soup::pg {

inline std::byte* bytes_of(Buffer buffer) noexcept {
    return reinterpret_cast<std::byte*>(BufferGetPage(buffer));
}
inline bool is_new(Buffer buffer) noexcept {
    return PageIsNew(BufferGetPage(buffer));
}

/// Whether the header claims a part of the page as free, which none of the tree's pages does: redo of a
/// generic WAL record sets that part to zero.
inline bool has_hole(const std::byte* page) noexcept {
    const auto* header = reinterpret_cast<const PageHeaderData*>(page);
    return header->pd_lower != header->pd_upper;
}

/// Whether somebody left a row behind on a table's page that may have died since.
inline bool may_be_pruned(Buffer buffer) noexcept {
    return TransactionIdIsValid(reinterpret_cast<PageHeader>(BufferGetPage(buffer))->pd_prune_xid);
}

/// Whether this backend has the buffer's content lock. Local buffers have none.
inline bool holds_content_lock(Buffer buffer) noexcept {
    return !BufferIsLocal(buffer) && LWLockHeldByMe(BufferDescriptorGetContentLock(
                                         GetBufferDescriptor(static_cast<uint32>(buffer - 1))));
}

} // namespace soup::pg
