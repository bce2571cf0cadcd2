// Giving pages back.
#pragma once

#include "core/tree/store.hpp"

namespace soup::tree {

/// Turns the image of a page into a freed one. It keeps its right link and split number: a scan that read the
/// parent before may still come by. Taken while the page is locked, so `next_transaction` comes after every
/// scan that can. 0: nobody minds what the page becomes.
inline void mark_freed(std::byte* image, std::uint64_t next_transaction) noexcept {
    tail(image).kind = PageKind::freed;
    tail(image).number = next_transaction;
}

/// Frees companions and chains that nobody names any more, up to four in one change. A block that is none is
/// left alone.
///
/// A companion may be reused at once: whoever comes by a link read earlier has to look at the page's kind and
/// owner anyway, since a split may have come in between, and does without. Else the splits of one
/// transaction, which rewrite companions all the time, could reuse nothing of each other's. A chain has the
/// addresses themselves, so it waits.
void free_companions(PageStore& store, std::span<const Block> blocks);

} // namespace soup::tree
