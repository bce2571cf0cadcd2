// A walk from the root, depth first, then a pass over all blocks for what the walk did not meet. Pages are
// looked at as copies.
#include "core/tree/verify.hpp"

#include "core/error.hpp"
#include "core/tree/page_copy.hpp"

#include <algorithm>

namespace soup::tree {
namespace {

class Walk {
public:
    Walk(PageStore& store, const Geometry& geometry, const Report& report)
        : store_(store), geometry_(geometry), report_(report), met_(store.block_count()) {}

    void run(Unlinked unlinked) {
        check_meta();
        met_[meta_block] = true;
        try {
            check_page(root_block, nullptr, 0, 0);
        } catch (const Error& error) {
            say(root_block, "damaged page", error.message());
        }
        if (unlinked == Unlinked::reported) report_unlinked();
    }

private:
    void say(Block block, const char* kind, std::string detail) { report_({block, kind, std::move(detail)}); }

    void check_meta() {
        const Page page = store_.lock(meta_block, Lock::shared);
        if (page.tail().kind != PageKind::meta || meta(page.bytes()).magic != meta_magic)
            say(meta_block, "damaged metapage", "its kind or magic is wrong");
        split_number_ = meta(page.bytes()).split_number;
    }

    /// Claims a block for its one owner.
    bool meet(Block block, Block named_by) {
        if (block >= met_.size()) {
            say(named_by, "wrong link", "names block " + std::to_string(block) + " beyond the file's end");
            return false;
        }
        if (met_[block]) {
            say(block, "named twice", "also by block " + std::to_string(named_by));
            return false;
        }
        met_[block] = true;
        return true;
    }

    void check_page(Block block, const Page* parent, unsigned entry, int depth) {
        store_.check_interrupts();
        if (!meet(block, parent != nullptr ? parent->block() : meta_block)) return;
        const PageCopy copy(store_, block);
        const Page& page = copy.page();
        const Tail& tail = page.tail();
        if (tail.kind != (tail.level == 0 ? PageKind::leaf : PageKind::inner) || depth > 32)
            return say(block, "wrong kind", "kind and level do not fit");
        if (parent != nullptr && tail.level + 1 != parent->tail().level)
            return say(block, "wrong level", "its parent's is " + std::to_string(parent->tail().level));
        if (tail.split_number > split_number_)
            say(block, "wrong number", "its split number is above the metapage's");
        if (parent != nullptr && tail.split_number > parent->tail().number)
            say(block, "wrong number", "its split number is above what its parent keeps");
        if (tail.split_number == 0 && tail.right != no_block)
            say(block, "wrong link", "a right link without a split");
        if (tail.right != no_block && (tail.right >= met_.size() || tail.right == block))
            say(block, "wrong link", "right link to block " + std::to_string(tail.right));
        check_content(page, parent, entry, depth);
    }

    void check_content(const Page& page, const Page* parent, unsigned entry, int depth) {
        try {
            geometry_.verify(store_, page, parent != nullptr ? parent->body() : nullptr, entry, report_);
            if (page.tail().level == 0) return check_companions(page);
            const unsigned count = geometry_.child_count(page.body());
            if (count == 0) say(page.block(), "wrong count", "an inner page without children");
            for (unsigned i = 0; i < count; ++i)
                check_page(geometry_.child(page.body(), i), &page, i, depth + 1);
        } catch (const Error& error) {
            say(page.block(), "damaged page", error.message() + " " + error.detail());
        }
    }

    void check_companions(const Page& leaf) {
        std::vector<Block> names;
        geometry_.companions(store_, leaf.body(), names);
        for (const Block name : names) {
            if (!meet(name, leaf.block())) continue;
            const Tail tail = tail_of(name);
            if (tail.kind != PageKind::companion && tail.kind != PageKind::chain)
                say(name, "wrong kind", "named as a companion by block " + std::to_string(leaf.block()));
            if (tail.kind == PageKind::companion && tail.owner != leaf.block())
                say(name, "wrong link", "its owner is not the leaf that names it");
        }
    }

    void report_unlinked() {
        for (Block block = root_block; block < met_.size(); ++block) {
            if (met_[block]) continue;
            const Tail tail = tail_of(block);
            if (tail.kind == PageKind::leaf || tail.kind == PageKind::inner)
                say(block, "unreachable page", "no parent names it");
            else if (tail.kind == PageKind::companion || tail.kind == PageKind::chain)
                say(block, "unlinked page", "no leaf names it; vacuum gives it back");
        }
    }

    /// A page's tail; a damaged page is reported and counts as unused.
    Tail tail_of(Block block) {
        try {
            return store_.lock(block, Lock::shared).tail();
        } catch (const Error& error) {
            say(block, "damaged page", error.message());
            return {};
        }
    }

    PageStore& store_;
    const Geometry& geometry_;
    const Report& report_;
    std::vector<bool> met_;
    std::uint64_t split_number_ = 0;
};

} // namespace

void verify(PageStore& store, const Geometry& geometry, Unlinked unlinked, const Report& report) {
    if (store.block_count() <= root_block)
        return report({meta_block, "damaged metapage", "the file has no metapage and root"});
    Walk(store, geometry, report).run(unlinked);
}

} // namespace soup::tree
