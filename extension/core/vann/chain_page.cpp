// What a chain page says is checked when it is opened: its kind, and that its entries fit.
#include "core/vann/chain_page.hpp"

#include <algorithm>

namespace soup::vann {

ChainView::ChainView(const Layout& layout, const tree::Page& page)
    : layout_(&layout), body_(page.body()), block_(page.block()), count_(0) {
    const tree::PageKind kind = page.tail().kind;
    if (kind == tree::PageKind::freed) return;
    count_ = reinterpret_cast<const ChainHeader*>(body_)->count;
    if (kind != tree::PageKind::chain || count_ > layout.chain.capacity)
        tree::refuse_page(page.block(), "it is no page of equal vectors' addresses, although a link says so");
}

void follow_chain(tree::PageStore& store, const Layout& layout, tree::Block first,
                  const std::function<void(const ChainView&)>& visit) {
    tree::Block left = store.block_count(); // More pages than that would be a ring.
    for (tree::Block block = first; block != tree::no_block; --left) {
        if (left == 0) tree::refuse_page(first, "the chain that begins here has no end");
        const tree::Page page = store.lock(block, tree::Lock::shared);
        const ChainView chain(layout, page);
        visit(chain);
        block = chain.next();
    }
}

tree::Block write_chain(tree::PageStore& store, const Layout& layout, std::span<const ChainEntry> entries) {
    tree::Block next = tree::no_block;
    // Whole pages from the end, so that the first page, which takes what comes later, has room.
    while (!entries.empty()) {
        const std::size_t some = std::min<std::size_t>(entries.size(), layout.chain.capacity);
        const tree::Page page = store.allocate();
        tree::Change change(store);
        start_chain_page(store, layout, change, page, next, entries.last(some));
        change.commit();
        entries = entries.first(entries.size() - some);
        next = page.block();
    }
    return next;
}

void start_chain_page(tree::PageStore& store, const Layout& layout, tree::Change& change,
                      const tree::Page& page, tree::Block next, std::span<const ChainEntry> entries) {
    std::byte* image = change.initialise(page, tree::PageKind::chain, 0);
    tree::tail(image).number = store.current_transaction();
    reinterpret_cast<ChainHeader*>(tree::body(image))->next = next;
    for (const ChainEntry& entry : entries)
        append_to_chain(layout, tree::body(image), entry);
}

void append_to_chain(const Layout& layout, std::byte* body, const ChainEntry& entry) noexcept {
    auto& header = *reinterpret_cast<ChainHeader*>(body);
    reinterpret_cast<tree::HeapAddress*>(body + layout.chain.address)[header.count] = entry.address;
    const std::size_t given = std::min<std::size_t>(entry.keys.size(), layout.key_bytes);
    if (given > 0)
        std::memcpy(body + layout.chain.keys + std::size_t{header.count} * layout.key_bytes,
                    entry.keys.data(), given);
    header.count = static_cast<std::uint16_t>(header.count + 1);
}

void remove_from_chain(const Layout& layout, std::byte* body, unsigned entry) noexcept {
    auto& header = *reinterpret_cast<ChainHeader*>(body);
    auto* addresses = reinterpret_cast<tree::HeapAddress*>(body + layout.chain.address);
    const unsigned last = header.count - 1U;
    addresses[entry] = addresses[last];
    std::byte* keys = body + layout.chain.keys;
    if (layout.key_bytes > 0 && entry != last)
        std::memcpy(keys + std::size_t{entry} * layout.key_bytes, keys + std::size_t{last} * layout.key_bytes,
                    layout.key_bytes);
    header.count = static_cast<std::uint16_t>(last);
}

} // namespace soup::vann
