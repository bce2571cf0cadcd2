// Vacuum's part: dead addresses leave their slots and chains. Nothing moves between slots, so a scan that has
// read the leaf finds its details where they were; the next insert takes the free slot.
//
// A chain's page that becomes empty is unlinked by one change with what names it, and freed with its next
// link kept, for a scan that is on its way to it.
#include "core/tree/freeing.hpp"
#include "core/vann/chain_page.hpp"
#include "core/vann/geometry.hpp"

namespace soup::vann {

namespace {

class ChainSweep {
public:
    ChainSweep(const Layout& layout, tree::PageStore& store, const tree::Page& leaf, unsigned slot,
               const std::function<bool(tree::HeapAddress)>& is_dead)
        : layout_(layout), store_(store), leaf_(leaf), slot_(slot), is_dead_(is_dead) {}

    tree::Removed run() {
        const LeafView leaf(layout_, leaf_.body(), leaf_.block());
        tree::Removed total;
        tree::Block left = store_.block_count();
        for (tree::Block block = chain_block(leaf.address(slot_)); block != tree::no_block; --left) {
            if (left == 0) tree::refuse_page(leaf_.block(), "the chain of one of its slots has no end");
            if (block == leaf_.block() || (before_ && block == before_.block()))
                tree::refuse_page(block, "a chain of equal vectors leads back to it");
            tree::Page page = store_.lock(block, tree::Lock::exclusive);
            const ChainView chain(layout_, page);
            std::vector<unsigned> dead;
            for (unsigned entry = 0; entry < chain.count(); ++entry)
                if (is_dead_(chain.address(entry))) dead.push_back(entry);
            block = chain.next();
            total.dead += dead.size();
            total.live += chain.count() - dead.size();
            if (dead.size() == chain.count()) {
                unlink(page, block);
            } else {
                if (!dead.empty()) remove(page, dead);
                before_ = std::move(page);
            }
        }
        return total;
    }

private:
    void remove(const tree::Page& page, std::span<const unsigned> dead) {
        tree::Change change(store_);
        std::byte* body = tree::body(change.edit(page));
        for (std::size_t i = dead.size(); i-- > 0;) // From the end, since the last entry fills the gap.
            remove_from_chain(layout_, body, dead[i]);
        change.commit();
    }

    void unlink(const tree::Page& page, tree::Block next) {
        tree::Change change(store_);
        if (before_) {
            reinterpret_cast<ChainHeader*>(tree::body(change.edit(before_)))->next = next;
        } else {
            LeafImage image(layout_, tree::body(change.edit(leaf_)));
            if (next != tree::no_block)
                image.set_address(slot_, chain_address(next));
            else
                image.release(slot_);
        }
        tree::mark_freed(change.edit(page), store_.next_transaction());
        change.commit();
        store_.offer(page.block());
    }

    const Layout& layout_;
    tree::PageStore& store_;
    const tree::Page& leaf_;
    unsigned slot_;
    const std::function<bool(tree::HeapAddress)>& is_dead_;
    tree::Page before_;
};

} // namespace

bool VannGeometry::leaf_is_empty(const std::byte* leaf) const {
    return LeafView(layout_, leaf, tree::no_block).live() == 0;
}

tree::Removed VannGeometry::remove_dead(tree::PageStore& store, const tree::Page& leaf,
                                        const std::function<bool(tree::HeapAddress)>& is_dead) const {
    tree::Removed total;
    std::vector<unsigned> dead;
    const LeafView view(layout_, leaf.body(), leaf.block());
    // From the end: releasing the chain of the last slot shortens used().
    for (unsigned slot = view.used(); slot-- > 0;) {
        const tree::HeapAddress address = view.address(slot);
        if (is_free(address)) continue;
        if (is_chain(address)) {
            const tree::Removed removed = ChainSweep(layout_, store, leaf, slot, is_dead).run();
            total.dead += removed.dead;
            total.live += removed.live;
        } else if (is_dead(address)) {
            dead.push_back(slot);
        } else {
            ++total.live;
        }
    }
    if (!dead.empty()) {
        tree::Change change(store);
        LeafImage image(layout_, tree::body(change.edit(leaf)));
        for (const unsigned slot : dead)
            image.release(slot);
        change.commit();
        total.dead += dead.size();
    }
    return total;
}

void VannGeometry::companions(tree::PageStore& store, const std::byte* leaf,
                              std::vector<tree::Block>& into) const {
    const LeafView view(layout_, leaf, tree::no_block);
    const auto add = [&](tree::Block block) {
        if (block >= store.block_count())
            tree::refuse_page(block, "a leaf names it, but the file ends before it");
        into.push_back(block);
    };
    for (unsigned page = 0; page < view.detail_count(); ++page)
        add(view.detail_block(page));
    for (unsigned slot = 0; slot < view.used(); ++slot)
        if (is_chain(view.address(slot)))
            follow_chain(store, layout_, chain_block(view.address(slot)),
                         [&](const ChainView& chain) { add(chain.block()); });
}

} // namespace soup::vann
