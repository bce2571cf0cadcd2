// A detail page is only read as its leaf's own: it may have been freed, and be another's, since the leaf was
// read.
#include "core/vann/detail_page.hpp"

namespace soup::vann {

tree::Page lock_detail(tree::PageStore& store, const LeafView& leaf, tree::Block leaf_block, unsigned number,
                       tree::Lock lock) {
    constexpr const char* wrong = "it is no detail page of the leaf that names it";
    const tree::Block block = leaf.detail_block(number);
    if (block == leaf_block) tree::refuse_page(block, wrong);
    tree::Page page = store.lock(block, lock);
    if (!DetailView::belongs(page, leaf_block)) tree::refuse_page(block, wrong);
    return page;
}

std::byte* start_detail_page(tree::PageStore& store, tree::Change& change, const tree::Page& page,
                             tree::Block leaf) {
    std::byte* image = change.initialise(page, tree::PageKind::companion, 0);
    tree::tail(image).owner = leaf;
    tree::tail(image).number = store.current_transaction();
    return tree::body(image);
}

void put_detail(const Layout& layout, std::byte* body, unsigned slot, const DetailCode& code) noexcept {
    const Layout::Detail& at = layout.detail;
    const auto put = [&](unsigned offset, float value) {
        reinterpret_cast<float*>(body + offset)[slot] = value;
    };
    put(at.b, code.b);
    put(at.f, code.f);
    if (layout.has_norms()) put(at.norm, code.norm);
    if (layout.tail_dims() > 0) put(at.tail_f, code.tail_f);
    std::memcpy(body + at.codes + std::size_t{slot} * layout.detail_dims, code.code, layout.detail_dims);
}

} // namespace soup::vann
