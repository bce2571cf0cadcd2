// Inner pages as the tree asks for them. A page's own centroid and spread are those of the children that it
// began with and stay as they are, so that codes once made stay valid.
#include "core/vann/geometry.hpp"
#include "core/vann/score.hpp"

#include <algorithm>

namespace soup::vann {

namespace {

/// For questions that come without the page's number.
InnerView view(const Layout& layout, const std::byte* inner) {
    return {layout, inner, tree::no_block};
}

std::vector<float> own_centroid(const Layout& layout, const std::byte* inner) {
    std::vector<float> centroid(layout.leaf_dims);
    view(layout, inner).read_centroid(centroid.data());
    return centroid;
}

} // namespace

unsigned VannGeometry::child_count(const std::byte* inner) const {
    return view(layout_, inner).count();
}

tree::Block VannGeometry::child(const std::byte* inner, unsigned entry) const {
    return view(layout_, inner).child(entry);
}

unsigned VannGeometry::choose(const std::byte* inner, const tree::Item& item) const {
    if (!item.way.empty()) {
        const InnerView page = view(layout_, inner);
        for (unsigned entry = 0; entry < page.count(); ++entry)
            if (std::ranges::find(item.way, page.child(entry)) != item.way.end()) return entry;
    }
    return nearest_child(layout_, item.point.data(), view(layout_, inner));
}

bool VannGeometry::inner_is_full(const std::byte* inner) const {
    return view(layout_, inner).count() == layout_.inner.capacity;
}

void VannGeometry::fill_inner(std::byte* inner, std::span<const tree::Child> children) const {
    std::vector<InnerImage::Child> images;
    for (const tree::Child& child : children)
        images.push_back({child.block, child.bound.data()});
    InnerImage(layout_, inner).fill(images);
}

void VannGeometry::replace_child(std::byte* inner, unsigned entry, const tree::Child& left,
                                 const tree::Child& right) const {
    const std::vector<float> centroid = own_centroid(layout_, inner);
    InnerImage image(layout_, inner);
    image.put(entry, {left.block, left.bound.data()}, centroid.data());
    image.append({right.block, right.bound.data()}, centroid.data());
}

void VannGeometry::remove_child(std::byte* inner, unsigned entry) const {
    InnerImage(layout_, inner).remove(entry);
}

} // namespace soup::vann
