// Splits. A leaf is divided by its entries' details (or, without details, its 8-bit codes), decoded; each
// half is coded anew around its own mean and gets new detail pages. An inner page is divided by its
// children's centroids, read from the children themselves: its own codes of one bit would lose a little at
// every split. The parent is locked exclusively meanwhile and its children one at a time, in the order of all
// locks.
#include "core/vann/decoded_leaf.hpp"
#include "core/vann/division.hpp"
#include "core/vann/geometry.hpp"
#include "core/vann/leaf_draft.hpp"

#include <algorithm>
#include <cmath>

namespace soup::vann {

namespace {

void check_finite(std::span<const float> floats, tree::Block block) {
    if (!std::ranges::all_of(floats, [](float x) { return std::isfinite(x); }))
        tree::refuse_page(block, "its codes do not decode to numbers");
}

void decode_code(const LeafView& leaf, unsigned slot, const float* centroid, float* point) noexcept {
    const Layout& layout = leaf.layout();
    decode_bytes(reinterpret_cast<const std::int8_t*>(leaf.codes()) +
                     std::size_t{slot} * layout.leaf.code_bytes,
                 leaf.f()[slot] / 2, centroid, layout.leaf_dims, point);
}

void decode_detail(const Layout& layout, const DetailCode& detail, const float* centroid,
                   float* point) noexcept {
    decode_bytes(detail.code, detail.f, centroid, layout.leaf_dims, point);
    decode_bytes(detail.code + layout.leaf_dims, detail.tail_f, nullptr, layout.tail_dims(),
                 point + layout.leaf_dims);
}

/// A child's own centroid and spread: what its parent has codes of.
std::vector<float> bound_of(tree::PageStore& store, const Layout& layout, tree::Block block,
                            const tree::Page& parent) {
    if (block == parent.block()) tree::refuse_page(block, "it names itself as a child");
    const tree::Page page = store.lock(block, tree::Lock::shared);
    const auto level = static_cast<std::uint16_t>(parent.tail().level - 1);
    const tree::PageKind kind = level == 0 ? tree::PageKind::leaf : tree::PageKind::inner;
    if (page.tail().kind != kind || page.tail().level != level)
        tree::refuse_page(block, "its kind and level are not what its parent says");
    return page_bound(layout, page);
}

} // namespace

DecodedLeaf decode_leaf(tree::PageStore& store, const LeafView& leaf, tree::Block block) {
    const Layout& layout = leaf.layout();
    std::vector<float> centroid(layout.leaf_dims);
    leaf.read_centroid(centroid.data());

    DecodedLeaf entries;
    for (unsigned slot = 0; slot < leaf.used(); ++slot)
        if (!is_free(leaf.address(slot))) entries.slots.push_back(slot);
    Points& points = entries.points;
    points.count = static_cast<unsigned>(entries.slots.size());
    points.dims = layout.has_details() ? layout.detail_dims : layout.leaf_dims;
    points.seen = layout.leaf_dims;
    points.floats.resize(std::size_t{points.count} * points.dims);
    if (layout.has_norms())
        for (const unsigned slot : entries.slots)
            entries.norms.push_back(leaf.norms()[slot]);

    tree::Page page;
    unsigned page_number = ~0U;
    for (unsigned i = 0; i < points.count; ++i) {
        const unsigned slot = entries.slots[i];
        if (!layout.has_details()) {
            decode_code(leaf, slot, centroid.data(), points[i]);
            continue;
        }
        if (slot / layout.detail.per_page != page_number) {
            page = {};
            page_number = slot / layout.detail.per_page;
            page = lock_detail(store, leaf, block, page_number, tree::Lock::shared);
        }
        decode_detail(layout, DetailView(layout, page.body())[slot % layout.detail.per_page], centroid.data(),
                      points[i]);
    }
    check_finite(points.floats, block);
    return entries;
}

void decode_slot(tree::PageStore& store, const LeafView& leaf, tree::Block block, unsigned slot,
                 const float* centroid, float* point) {
    const Layout& layout = leaf.layout();
    if (!layout.has_details()) return decode_code(leaf, slot, centroid, point);
    const tree::Page page =
        lock_detail(store, leaf, block, slot / layout.detail.per_page, tree::Lock::shared);
    decode_detail(layout, DetailView(layout, page.body())[slot % layout.detail.per_page], centroid, point);
}

std::vector<float> page_bound(const Layout& layout, const tree::Page& page) {
    std::vector<float> bound(layout.leaf_dims + 1); // A leaf's spread is nought.
    if (page.tail().level == 0)
        LeafView(layout, page.body(), page.block()).read_centroid(bound.data());
    else
        bound = InnerView(layout, page.body(), page.block()).own_bound();
    check_finite(bound, page.block());
    return bound;
}

void VannGeometry::split_leaf(tree::PageStore& store, const tree::Page& page, tree::Block left,
                              tree::Block right, tree::Halves& into) const {
    const LeafView leaf(layout_, page.body(), page.block());
    const DecodedLeaf entries = decode_leaf(store, leaf, page.block());
    if (entries.points.count < 2) tree::refuse_page(page.block(), "it has too few entries to be split");
    const std::vector<bool> is_right = divide_leaf(entries.points);

    LeafDraft draft(layout_);
    const auto write = [&](bool side, tree::Block block, std::byte* body, std::vector<float>& bound) {
        draft.begin(mean_of_side(entries.points, is_right, side).data());
        for (unsigned i = 0; i < entries.points.count; ++i) {
            if (is_right[i] != side) continue;
            const unsigned slot = entries.slots[i];
            draft.add(entries.points[i], leaf.address(slot), leaf.keys(slot),
                      layout_.has_norms() ? entries.norms[i] : 0);
        }
        draft.write_details(store, block);
        std::memcpy(body, draft.body(), tree::body_bytes);
        bound.assign(draft.centroid().begin(), draft.centroid().end());
        bound.push_back(0);
    };
    write(false, left, into.left, into.left_bound);
    write(true, right, into.right, into.right_bound);
    for (unsigned i = 0; i < leaf.detail_count(); ++i)
        into.freed.push_back(leaf.detail_block(i));
}

void VannGeometry::split_inner(tree::PageStore& store, const tree::Page& page, tree::Halves& into) const {
    const InnerView inner(layout_, page.body(), page.block());
    if (inner.count() < 2) tree::refuse_page(page.block(), "it has too few children to be split");
    std::vector<std::vector<float>> bounds;
    Points points{{}, inner.count(), layout_.leaf_dims, layout_.leaf_dims};
    for (unsigned entry = 0; entry < inner.count(); ++entry) {
        bounds.push_back(bound_of(store, layout_, inner.child(entry), page));
        points.floats.insert(points.floats.end(), bounds.back().begin(), bounds.back().end() - 1);
    }
    const std::vector<bool> is_right = bisect(points, points.count / 4);

    const auto write = [&](bool side, std::byte* body, std::vector<float>& bound) {
        std::vector<InnerImage::Child> children;
        for (unsigned entry = 0; entry < inner.count(); ++entry)
            if (is_right[entry] == side) children.push_back({inner.child(entry), bounds[entry].data()});
        InnerImage(layout_, body).fill(children);
        bound = InnerView(layout_, body, page.block()).own_bound();
    };
    write(false, into.left, into.left_bound);
    write(true, into.right, into.right_bound);
}

void VannGeometry::split(tree::PageStore& store, const tree::Page& page, tree::Block left, tree::Block right,
                         tree::Halves& into) const {
    if (page.tail().level == 0)
        split_leaf(store, page, left, right, into);
    else
        split_inner(store, page, into);
}

} // namespace soup::vann
