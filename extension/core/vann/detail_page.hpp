// A detail page: 8-bit codes of some of a leaf's slots, in the leaf's slot order, and what belongs to them.
//
// A detail has two codes if it sees coordinates that leaves do not: of the first leaf_dims relative to the
// leaf's centroid, and of the rest relative to 0, with factors of their own and one common b.
#pragma once

#include "core/vann/leaf_page.hpp"

namespace soup::vann {

/// What a detail page keeps of one vector.
struct DetailCode {
    float b, f, tail_f, norm; ///< tail_f if tail_dims() > 0, norm if has_norms().
    const std::int8_t* code;  ///< detail_dims
};

class DetailView {
public:
    DetailView(const Layout& layout, const std::byte* body) noexcept : layout_(&layout), body_(body) {}

    /// Whether the page is one that this leaf names: it may have been freed since the leaf was read.
    static bool belongs(const tree::Page& page, tree::Block leaf) noexcept {
        return page.tail().kind == tree::PageKind::companion && page.tail().owner == leaf;
    }

    /// `slot` counts within the page: the leaf's slot modulo per_page.
    DetailCode operator[](unsigned slot) const noexcept {
        const Layout::Detail& at = layout_->detail;
        return {number(at.b, slot), number(at.f, slot),
                layout_->tail_dims() > 0 ? number(at.tail_f, slot) : 0,
                layout_->has_norms() ? number(at.norm, slot) : 0,
                reinterpret_cast<const std::int8_t*>(body_ + at.codes) +
                    std::size_t{slot} * layout_->detail_dims};
    }

private:
    float number(unsigned offset, unsigned slot) const noexcept {
        return reinterpret_cast<const float*>(body_ + offset)[slot];
    }

    const Layout* layout_;
    const std::byte* body_;
};

/// One of the leaf's detail pages. Raises XX002 if it is not; the leaf itself, which is locked already, is
/// not waited for.
tree::Page lock_detail(tree::PageStore& store, const LeafView& leaf, tree::Block leaf_block, unsigned number,
                       tree::Lock lock);

/// Makes `page`, which allocate() gave, an empty detail page within a change; returns its body.
std::byte* start_detail_page(tree::PageStore& store, tree::Change& change, const tree::Page& page,
                             tree::Block leaf);
/// Writes to a detail page's image.
void put_detail(const Layout& layout, std::byte* body, unsigned slot, const DetailCode& code) noexcept;

} // namespace soup::vann
