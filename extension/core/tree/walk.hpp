// Following links while pages split: the one way from a parent to its children, for every scan.
#pragma once

#include "core/tree/damage.hpp"
#include "core/tree/store.hpp"

namespace soup::tree {

/// A child as a scan remembers it after it let go of the parent.
struct Link {
    Block block = no_block;
    std::uint64_t seen = 0; ///< The parent's Tail::number at that time.
};

/// Hands the linked page to `visit(Page&, Link)`, share-locked (visit may let go of the lock, or take the
/// page), and then every page that was split off it since the link was read. Freed pages are passed over, not
/// visited: they were empty. The Link that visit gets is the one that leads to just this page; a page that
/// was split off is visited within the same call.
template<class Visit>
void follow(PageStore& store, Link link, Visit&& visit) {
    while (link.block != no_block) {
        Page page = store.lock(link.block, Lock::shared);
        const Tail& tail = page.tail();
        const Block right = tail.split_number > link.seen ? tail.right : no_block;
        if (tail.kind == PageKind::inner || tail.kind == PageKind::leaf)
            visit(page, link);
        else if (page.block() == root_block) [[unlikely]] // Never freed.
            refuse_page(root_block, "it is not a root");
        link.block = right;
    }
}

/// The link to the root. The root is never split off anything, so its number does not matter.
inline Link root_link() noexcept {
    return {root_block, ~std::uint64_t{0}};
}

} // namespace soup::tree
