// Two ways down. The first takes one share lock at a time and an exclusive one on the leaf; it starts anew
// when a page turns out to have been split or freed since its parent was read. When the leaf is full, the
// second goes down with exclusive locks on parent and child, splits the first page that has no room left, and
// leaves the rest to another try: so a parent always has room for its child's split.
//
// A bound that does not cover the item grows before the leaf is entered: a crash in between leaves a bound
// that is larger than need be, which is no error. The bound belongs to one child, so a child that has been
// split since sends us back to its parent.
#include "core/tree/insert.hpp"

#include "core/tree/damage.hpp"
#include "core/tree/split.hpp"

namespace soup::tree {
namespace {

enum class Outcome : std::uint8_t { placed, full, changed };

void check_inner(const Geometry& geometry, const Page& page) {
    if (page.tail().kind != PageKind::inner || geometry.child_count(page.body()) == 0)
        refuse_page(page.block(), "it is no inner page with children, although a link says so");
}

void check_child(const Page& child, std::uint16_t parent_level) {
    const Tail& tail = child.tail();
    const PageKind kind = parent_level == 1 ? PageKind::leaf : PageKind::inner;
    if (tail.kind != kind || tail.level + 1 != parent_level)
        refuse_page(child.block(), "its kind and level are not what its parent says");
}

Outcome place(PageStore& store, const Geometry& geometry, const Page& leaf, const Item& item) {
    return geometry.place(store, leaf, item) == Placed::yes ? Outcome::placed : Outcome::full;
}

/// Lets the bound of the item's child grow where it has to. The page is share-locked and may be locked
/// exclusively on return. False if it was split meanwhile.
bool cover(PageStore& store, const Geometry& geometry, Page& page, unsigned& entry, const Item& item) {
    if (geometry.covers(page.body(), entry, item)) return true;
    const Tail before = page.tail();
    page.lock(Lock::exclusive);
    if (page.tail().split_number != before.split_number || page.tail().level != before.level ||
        page.tail().kind != before.kind)
        return false;
    entry = geometry.choose(page.body(), item);
    if (geometry.covers(page.body(), entry, item)) return true;
    Change change(store);
    geometry.extend(body(change.edit(page)), entry, item);
    change.commit();
    return true;
}

Outcome insert_beside_others(PageStore& store, const Geometry& geometry, const Item& item) {
    Page page = store.lock(root_block, Lock::shared);
    if (page.tail().level == 0) {
        page.lock(Lock::exclusive);
        return page.tail().level == 0 ? place(store, geometry, page, item) : Outcome::changed;
    }
    for (;;) {
        check_inner(geometry, page);
        const std::uint16_t level = page.tail().level;
        unsigned entry = geometry.choose(page.body(), item);
        if (!cover(store, geometry, page, entry, item)) return Outcome::changed;

        const Block child = geometry.child(page.body(), entry);
        const std::uint64_t seen = page.tail().number;
        page = {};
        store.check_interrupts();
        page = store.lock(child, level == 1 ? Lock::exclusive : Lock::shared);
        if (page.tail().kind == PageKind::freed || page.tail().split_number > seen) return Outcome::changed;
        check_child(page, level);
        if (level == 1) return place(store, geometry, page, item);
    }
}

/// Places the item, or splits one page so that the next try gets further.
Outcome insert_or_split(PageStore& store, const Geometry& geometry, const Item& item) {
    Page parent;
    unsigned entry_in_parent = 0;
    Page page = store.lock(root_block, Lock::exclusive);
    for (;;) {
        const std::uint16_t level = page.tail().level;
        if (level == 0 && place(store, geometry, page, item) == Outcome::placed) return Outcome::placed;
        if (level > 0) check_inner(geometry, page);
        if (level == 0 || geometry.inner_is_full(page.body())) {
            if (parent)
                split_page(store, geometry, parent, entry_in_parent, page);
            else
                split_root(store, geometry, page);
            return Outcome::full;
        }
        unsigned entry = geometry.choose(page.body(), item);
        cover(store, geometry, page, entry, item);
        Page child = store.lock(geometry.child(page.body(), entry), Lock::exclusive);
        check_child(child, level);
        parent = std::move(page);
        page = std::move(child);
        entry_in_parent = entry;
    }
}

} // namespace

void insert(PageStore& store, const Geometry& geometry, const Item& item) {
    // Under many concurrent splits a few tries are in vain. Many more than that are not: with the parent
    // locked, a link that leads nowhere is damage and is refused.
    constexpr unsigned tries_max = 100;
    Item guided = item;
    std::vector<Block> way;
    for (unsigned tries = 0;; ++tries) {
        store.check_interrupts();
        way.clear();
        geometry.look_ahead(store, item, way);
        guided.way = way;
        const Outcome outcome =
            tries < tries_max ? insert_beside_others(store, geometry, guided) : Outcome::full;
        if (outcome == Outcome::placed) return;
        if (outcome == Outcome::full && insert_or_split(store, geometry, guided) == Outcome::placed) return;
    }
}

void create(PageStore& store, const Meta& parameters) {
    const Page metapage = store.allocate();
    const Page root = store.allocate();
    if (metapage.block() != meta_block || root.block() != root_block)
        refuse_page(metapage.block(), "a new index does not begin in an empty file");
    Change change(store);
    Meta& written = meta(change.initialise(metapage, PageKind::meta, 0));
    written = parameters;
    written.magic = meta_magic;
    written.split_number = 0;
    change.initialise(root, PageKind::leaf, 0);
    change.commit();
}

} // namespace soup::tree
