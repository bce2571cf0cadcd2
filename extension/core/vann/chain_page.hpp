// Chains: the addresses, with their keys, of rows whose vectors are equal, beyond the few that have slots.
//
// The leaf's slot names the first page, each page the next. New addresses go to the first page; when it is
// full a new first page is put before it. A page that vacuum unlinks keeps its next link, so a scan that had
// the link to it goes on.
#pragma once

#include "core/vann/layout.hpp"

#include <functional>

namespace soup::vann {

struct ChainHeader {
    tree::Block next;
    std::uint16_t count, unused;
};
static_assert(sizeof(ChainHeader) == 8);

class ChainView {
public:
    /// Raises XX002 if the page is no chain page or its count cannot be. A freed one is let through, and is
    /// empty.
    ChainView(const Layout& layout, const tree::Page& page);

    tree::Block block() const noexcept { return block_; }
    unsigned count() const noexcept { return count_; }
    tree::Block next() const noexcept { return reinterpret_cast<const ChainHeader*>(body_)->next; }
    tree::HeapAddress address(unsigned entry) const noexcept {
        return reinterpret_cast<const tree::HeapAddress*>(body_ + layout_->chain.address)[entry];
    }
    std::span<const std::byte> keys(unsigned entry) const noexcept {
        return {body_ + layout_->chain.keys + std::size_t{entry} * layout_->key_bytes, layout_->key_bytes};
    }

private:
    const Layout* layout_;
    const std::byte* body_;
    tree::Block block_;
    unsigned count_;
};

/// One row of equals.
struct ChainEntry {
    tree::HeapAddress address;
    std::span<const std::byte> keys;
};

/// Calls visit(const ChainView&) for each page of a chain, share-locked one at a time.
void follow_chain(tree::PageStore& store, const Layout& layout, tree::Block first,
                  const std::function<void(const ChainView&)>& visit);

/// Writes a new chain that nobody names yet, page by page from its end; returns its first block.
tree::Block write_chain(tree::PageStore& store, const Layout& layout, std::span<const ChainEntry> entries);

/// Makes `page`, which allocate() gave, a chain page within a change that also names it.
void start_chain_page(tree::PageStore& store, const Layout& layout, tree::Change& change,
                      const tree::Page& page, tree::Block next, std::span<const ChainEntry> entries);

// Within an image whose count was checked.
void append_to_chain(const Layout& layout, std::byte* body, const ChainEntry& entry) noexcept;
/// The last entry takes its place.
void remove_from_chain(const Layout& layout, std::byte* body, unsigned entry) noexcept;

} // namespace soup::vann
