// All passes go through the blocks in order, which is what disks like, and still see each entry: a page that
// was split since the pass began carries a number above the pass's, and its right half is visited at once if
// it went to a lower block. Higher blocks are still to come.
//
// A leaf that became empty is unlinked unless it is its parent's only child; inner pages stay. The freed page
// keeps its right link for scans that read the parent before.
//
// Pages that a crash left unlinked are companions and chains which no leaf names. One that is being made just
// now is not named yet either, so only those count whose transaction had ended before the pass began: by then
// its leaf named it, or nobody ever will.
#include "core/tree/vacuum.hpp"

#include "core/tree/freeing.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace soup::tree {
namespace {

std::uint64_t split_number_now(PageStore& store) {
    return meta(store.lock(meta_block, Lock::shared).bytes()).split_number;
}

/// Calls visit(Page&) for every page but the metapage, share-locked at first.
template<class Visit>
void visit_all(PageStore& store, Visit&& visit) {
    const std::uint64_t number = split_number_now(store);
    for (Block block = root_block; block < store.block_count(); ++block) {
        for (Block next = block; next != no_block;) {
            store.check_interrupts();
            Page page = store.lock(next, Lock::shared);
            visit(page);
            // visit() may have changed the lock, so this is the state that it saw last.
            const Tail& tail = page.tail();
            const bool moved = tail.split_number > number && tail.right < block;
            next = moved && (tail.kind == PageKind::leaf || tail.kind == PageKind::inner) ? tail.right
                                                                                          : no_block;
        }
    }
}

struct Survey {
    std::unordered_set<Block> empty_leaves;
    std::vector<Block> parents;                          ///< Inner pages of level 1.
    std::vector<bool> named;                             ///< By block: some leaf names it.
    std::unordered_map<Block, std::uint64_t> companions; ///< Old enough to be named, if they ever are.
};

Survey survey(PageStore& store, const Geometry& geometry, VacuumResult& result) {
    const std::uint64_t oldest = store.oldest_transaction();
    Survey found;
    std::vector<Block> names;
    visit_all(store, [&](Page& page) {
        const Tail& tail = page.tail();
        switch (tail.kind) {
        case PageKind::leaf:
            if (geometry.leaf_is_empty(page.body())) found.empty_leaves.insert(page.block());
            names.clear();
            geometry.companions(store, page.body(), names);
            for (const Block name : names) {
                if (name >= found.named.size())
                    found.named.resize(std::max<std::size_t>(name + 1, store.block_count()));
                found.named[name] = true;
            }
            break;
        case PageKind::inner:
            if (tail.level == 1) found.parents.push_back(page.block());
            break;
        case PageKind::companion:
        case PageKind::chain:
            if (tail.number < oldest) found.companions.emplace(page.block(), tail.number);
            break;
        case PageKind::freed:
            if (tail.number >= oldest) break;
            [[fallthrough]];
        case PageKind::unused:
            store.offer(page.block());
            ++result.reusable;
            break;
        case PageKind::meta:
            break;
        }
    });
    result.pages = store.block_count();
    return found;
}

/// Unlinks one leaf if it is still empty; true if it was.
bool unlink_leaf(PageStore& store, const Geometry& geometry, const Page& parent, unsigned entry) {
    std::vector<Block> companions;
    {
        const Page leaf = store.lock(geometry.child(parent.body(), entry), Lock::exclusive);
        if (leaf.tail().kind != PageKind::leaf || !geometry.leaf_is_empty(leaf.body())) return false;
        geometry.companions(store, leaf.body(), companions);
        Change change(store);
        geometry.remove_child(body(change.edit(parent)), entry);
        mark_freed(change.edit(leaf), store.next_transaction());
        change.commit();
        store.offer(leaf.block());
    }
    free_companions(store, companions);
    return true;
}

} // namespace

VacuumResult bulk_delete(PageStore& store, const Geometry& geometry,
                         const std::function<bool(HeapAddress)>& is_dead) {
    VacuumResult result;
    visit_all(store, [&](Page& page) {
        if (page.tail().kind != PageKind::leaf) return;
        page.lock(Lock::cleanup);
        // It may have been emptied and freed before this lock, or, being the root, have become an inner page.
        if (page.tail().kind != PageKind::leaf) return;
        const Removed removed = geometry.remove_dead(store, page, is_dead);
        result.dead += removed.dead;
        result.live += removed.live;
    });
    result.pages = store.block_count();
    return result;
}

void clean_up(PageStore& store, const Geometry& geometry, VacuumResult& result) {
    const Survey found = survey(store, geometry, result);
    if (!found.empty_leaves.empty()) {
        for (const Block block : found.parents) {
            store.check_interrupts();
            const Page parent = store.lock(block, Lock::exclusive);
            if (parent.tail().kind != PageKind::inner || parent.tail().level != 1) continue;
            for (unsigned entry = geometry.child_count(parent.body()); entry-- > 0;) {
                if (geometry.child_count(parent.body()) == 1) break;
                if (found.empty_leaves.contains(geometry.child(parent.body(), entry)))
                    result.freed_now += unlink_leaf(store, geometry, parent, entry) ? 1 : 0;
            }
        }
    }
    std::vector<Block> unlinked;
    for (const auto& [block, number] : found.companions) {
        const bool named = block < found.named.size() && found.named[block];
        if (!named && store.lock(block, Lock::shared).tail().number == number) unlinked.push_back(block);
    }
    std::sort(unlinked.begin(), unlinked.end());
    free_companions(store, unlinked);
    result.freed_now += static_cast<Block>(unlinked.size());
}

} // namespace soup::tree
