// Freeing takes each page's lock, so it waits for scans that are reading it; one that comes later sees the
// kind.
#include "core/tree/freeing.hpp"

#include <array>

namespace soup::tree {

void free_companions(PageStore& store, std::span<const Block> blocks) {
    while (!blocks.empty()) {
        const std::size_t some = std::min<std::size_t>(blocks.size(), Change::pages_max);
        std::array<Page, Change::pages_max> pages;
        std::size_t taken = 0;
        for (const Block block : blocks.first(some)) {
            Page page = store.lock(block, Lock::exclusive);
            const PageKind kind = page.tail().kind;
            if (kind == PageKind::companion || kind == PageKind::chain) pages[taken++] = std::move(page);
        }
        if (taken > 0) {
            Change change(store);
            for (std::size_t i = 0; i < taken; ++i)
                mark_freed(change.edit(pages[i]),
                           pages[i].tail().kind == PageKind::chain ? store.next_transaction() : 0);
            change.commit();
        }
        for (std::size_t i = 0; i < taken; ++i)
            store.offer(pages[i].block());
        blocks = blocks.subspan(some);
    }
}

} // namespace soup::tree
