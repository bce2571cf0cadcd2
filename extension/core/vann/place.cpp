// Placing an item in a leaf: two pages change, the leaf and the detail page of the slot.
//
// Vectors whose codes are equal in every bit cannot be told apart by this index, now or after any split. The
// first few of them have slots like all others. When there are so many in a leaf that a page for their
// addresses costs no more than their slots (Layout::equals_max), they move to a chain and share one slot: a
// million equal vectors fill pages of addresses, not leaves.
#include "core/vann/geometry.hpp"
#include "core/vann/chain_page.hpp"
#include "core/vann/decoded_leaf.hpp"
#include "core/vann/division.hpp"
#include "core/vann/leaf_draft.hpp"

#include <algorithm>

namespace soup::vann {

namespace {

class Placement {
public:
    Placement(const Layout& layout, tree::PageStore& store, const tree::Page& leaf, const tree::Item& item)
        : layout_(layout), store_(store), leaf_(leaf), item_(item), view_(layout, leaf.body(), leaf.block()),
          encoder_(layout), centroid_(layout.leaf_dims) {
        if (view_.has_centroid()) {
            view_.read_centroid(centroid_.data());
            encode();
        }
    }

    tree::Placed run() {
        if (view_.live() > 0 && place_with_equals()) return tree::Placed::yes;
        if (view_.is_full() || is_to_be_split_early()) return tree::Placed::full;
        take_slot();
        return tree::Placed::yes;
    }

private:
    void encode() noexcept {
        const float norm = layout_.has_norms() ? exact_squared_norm(item_.point.data(), layout_.padded) : 0;
        encoder_.encode(item_.point.data(), centroid_.data(), norm);
    }

    bool place_with_equals() {
        std::vector<unsigned> equals;
        for (unsigned slot = 0; slot < view_.used(); ++slot)
            if (is_equal(slot)) equals.push_back(slot);
        for (const unsigned slot : equals)
            if (is_chain(view_.address(slot))) {
                push(slot);
                return true;
            }
        if (equals.size() < layout_.equals_max) return false;
        begin_chain(equals);
        return true;
    }

    bool is_equal(unsigned slot) {
        const LeafCode& code = encoder_.leaf();
        if (view_.a()[slot] != code.a || view_.f()[slot] != code.f || is_free(view_.address(slot)))
            return false;
        if (layout_.has_norms() && view_.norms()[slot] != code.norm) return false;
        if (!layout_.has_details())
            return std::memcmp(view_.codes() + std::size_t{slot} * layout_.leaf.code_bytes, code.code,
                               layout_.leaf.code_bytes) == 0;
        const tree::Page page = lock_detail(slot / layout_.detail.per_page, tree::Lock::shared);
        const DetailCode other = DetailView(layout_, page.body())[slot % layout_.detail.per_page];
        const DetailCode& detail = encoder_.detail();
        return other.b == detail.b && other.f == detail.f && other.tail_f == detail.tail_f &&
               std::memcmp(other.code, detail.code, layout_.detail_dims) == 0;
    }

    tree::Page lock_detail(unsigned number, tree::Lock lock) {
        return vann::lock_detail(store_, view_, leaf_.block(), number, lock);
    }

    ChainEntry entry() const noexcept { return {item_.address, item_.keys}; }

    /// Adds the item to the chain that the slot names.
    void push(unsigned slot) {
        const tree::Block first = chain_block(view_.address(slot));
        if (first == leaf_.block())
            tree::refuse_page(first, "one of its slots names the leaf itself as a chain");
        const tree::Page head = store_.lock(first, tree::Lock::exclusive);
        if (ChainView(layout_, head).count() < layout_.chain.capacity) {
            tree::Change change(store_);
            append_to_chain(layout_, tree::body(change.edit(head)), entry());
            change.commit();
            return;
        }
        const tree::Page page = store_.allocate();
        const ChainEntry entries[] = {entry()};
        tree::Change change(store_);
        start_chain_page(store_, layout_, change, page, first, entries);
        LeafImage(layout_, tree::body(change.edit(leaf_))).set_address(slot, chain_address(page.block()));
        change.commit();
    }

    /// Moves the slots' addresses and the item's to a chain, named by the first of the slots.
    void begin_chain(std::span<const unsigned> slots) {
        std::vector<ChainEntry> entries{entry()};
        for (const unsigned slot : slots)
            entries.push_back({view_.address(slot), view_.keys(slot)});
        const tree::Page page = store_.allocate();
        tree::Change change(store_);
        start_chain_page(store_, layout_, change, page, tree::no_block, entries);
        LeafImage image(layout_, tree::body(change.edit(leaf_)));
        image.set_address(slots.front(), chain_address(page.block()));
        image.set_keys(slots.front(), {});
        for (const unsigned slot : slots.subspan(1))
            image.release(slot);
        change.commit();
    }

    /// Looked at now and then while the leaf fills: what was coded too coarsely stays so, also after a split.
    bool is_to_be_split_early() const {
        if (!layout_.has_details() || view_.live() < least_divided || view_.live() % least_divided != 0)
            return false;
        return !divide_early(decode_leaf(store_, view_, leaf_.block()).points).empty();
    }

    unsigned free_slot() const {
        if (view_.live() == view_.used()) return view_.used();
        for (unsigned slot = 0; slot < view_.used(); ++slot)
            if (is_free(view_.address(slot))) return slot;
        tree::refuse_page(leaf_.block(), "its number of entries is not that of its addresses");
    }

    void take_slot() {
        const unsigned slot = free_slot();
        if (!layout_.has_details()) {
            tree::Change change(store_);
            take_in(tree::body(change.edit(leaf_)), slot);
            change.commit();
            return;
        }
        const unsigned number = slot / layout_.detail.per_page;
        const bool is_new = number == view_.detail_count();
        const tree::Page page = is_new ? store_.allocate() : lock_detail(number, tree::Lock::exclusive);
        tree::Change change(store_);
        std::byte* image = tree::body(change.edit(leaf_));
        take_in(image, slot);
        if (is_new) LeafImage(layout_, image).add_detail_page(page.block());
        std::byte* detail =
            is_new ? start_detail_page(store_, change, page, leaf_.block()) : tree::body(change.edit(page));
        put_detail(layout_, detail, slot % layout_.detail.per_page, encoder_.detail());
        change.commit();
    }

    /// A leaf that never held anything gets its first vector for a centroid.
    void take_in(std::byte* body, unsigned slot) {
        LeafImage image(layout_, body);
        if (!view_.has_centroid()) {
            image.initialise(item_.point.data());
            LeafView(layout_, body, leaf_.block()).read_centroid(centroid_.data());
            encode();
        }
        image.take(slot, encoder_.leaf(), item_.address, item_.keys);
    }

    const Layout& layout_;
    tree::PageStore& store_;
    const tree::Page& leaf_;
    const tree::Item& item_;
    LeafView view_;
    Encoder encoder_;
    std::vector<float> centroid_;
};

} // namespace

tree::Placed VannGeometry::place(tree::PageStore& store, const tree::Page& leaf,
                                 const tree::Item& item) const {
    return Placement(layout_, store, leaf, item).run();
}

} // namespace soup::vann
