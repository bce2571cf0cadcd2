// Giving pages back.
#pragma once

#include "core/tree/store.hpp"

namespace soup::tree {

/// Turns the image of a page into a freed one. It keeps its right link and split number: a scan that read the
/// parent before may still come by. Taken while the page is locked, so `next_transaction` comes after every
/// scan that can.
inline void mark_freed(std::byte* image, std::uint64_t next_transaction) noexcept {
    tail(image).kind = PageKind::freed;
    tail(image).number = next_transaction;
}

/// Frees companions and chains that nobody names any more, up to four in one change. A block that is none is
/// left alone.
void free_companions(PageStore& store, std::span<const Block> blocks);

} // namespace soup::tree
