// A split in the order that keeps every state usable (after GiST: Kornacker, Mohan, Hellerstein, SIGMOD
// 1997):
//
//   1. The halves' companions are written to new pages that nobody names yet. A crash here leaves pages that
//      vacuum finds by their transaction.
//   2. One change of exactly four pages: the left half in the old block, the right half, the parent with both
//      children, the metapage with the counter. The left half carries the counter's new value and a link to
//      the right half, and so does the parent's number: a scan that read the parent before knows by the
//      greater number that it has to follow the link.
//   3. The old companions are freed. A crash here leaves what step 1 leaves.
//
// The pages stay locked from 1 to 2, so nothing changes between the halves' making and their linking.
#include "core/tree/split.hpp"

#include "core/tree/freeing.hpp"

#include <memory>

namespace soup::tree {

void split_page(PageStore& store, const Geometry& geometry, const Page& parent, unsigned entry,
                const Page& page) {
    const Page right = store.allocate();
    const auto halves = std::make_unique<Halves>();
    geometry.split(store, page, page.block(), right.block(), *halves);

    const Tail before = page.tail();
    {
        const Page metapage = store.lock(meta_block, Lock::exclusive);
        const std::uint64_t number = meta(metapage.bytes()).split_number + 1;
        Change change(store);

        std::byte* image = change.initialise(right, before.kind, before.level);
        std::memcpy(body(image), halves->right, body_bytes);
        tail(image).split_number = before.split_number;
        tail(image).number = before.number;
        // The page that an earlier split moved to may have been freed since, and be this one: nobody can
        // still follow that link, so it may end here.
        tail(image).right = before.right == right.block() ? no_block : before.right;

        image = change.edit(page);
        std::memcpy(body(image), halves->left, body_bytes);
        tail(image).split_number = number;
        tail(image).right = right.block();

        image = change.edit(parent);
        geometry.replace_child(body(image), entry, {page.block(), std::move(halves->left_bound)},
                               {right.block(), std::move(halves->right_bound)});
        tail(image).number = number;

        meta(change.edit(metapage)).split_number = number;
        change.commit();
    }
    free_companions(store, halves->freed);
}

void split_root(PageStore& store, const Geometry& geometry, const Page& root) {
    const Page left = store.allocate();
    const Page right = store.allocate();
    const auto halves = std::make_unique<Halves>();
    geometry.split(store, root, left.block(), right.block(), *halves);

    // Nobody can know the new pages before the root names them: no number is needed, nor a link between them.
    const Tail before = root.tail();
    Change change(store);
    std::byte* image = change.initialise(left, before.kind, before.level);
    std::memcpy(body(image), halves->left, body_bytes);
    tail(image).number = before.number;

    image = change.initialise(right, before.kind, before.level);
    std::memcpy(body(image), halves->right, body_bytes);
    tail(image).number = before.number;

    image = change.edit(root);
    const Child children[] = {{left.block(), std::move(halves->left_bound)},
                              {right.block(), std::move(halves->right_bound)}};
    std::memset(body(image), 0, body_bytes);
    geometry.fill_inner(body(image), children);
    tail(image).kind = PageKind::inner;
    tail(image).level = static_cast<std::uint16_t>(before.level + 1);
    tail(image).number = 0;
    change.commit();
    free_companions(store, halves->freed);
}

} // namespace soup::tree
