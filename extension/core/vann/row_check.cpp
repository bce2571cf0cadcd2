// Which rows a leaf has, and whether what it keeps of one can come from that row's vector and keys.
//
// Keys are compared as they are. A code is decoded and compared with the vector within its error: a
// coordinate is off by half a step or so, a step being 1/127 of the residual's largest one, and once more
// for every split that coded the decoded point anew, around another centroid. What the splits add up to
// depends on their number, so the limit is a wide one: a tenth of what vector and centroid measure together.
// Rows that are nearer to each other than that are not told apart.
#include "core/vann/chain_page.hpp"
#include "core/vann/decoded_leaf.hpp"
#include "core/vann/geometry.hpp"

#include <algorithm>
#include <cmath>

namespace soup::vann {

namespace {

constexpr double tolerance = 0.1;

bool has_keys(tree::PageStore& store, const LeafView& leaf, const tree::RowPlace& place,
              const tree::Item& item) {
    if (place.chain == tree::no_block) return std::ranges::equal(leaf.keys(place.slot), item.keys);
    const tree::Page page = store.lock(place.chain, tree::Lock::shared);
    const ChainView chain(leaf.layout(), page);
    return place.entry < chain.count() && chain.address(place.entry) == item.address &&
           std::ranges::equal(chain.keys(place.entry), item.keys);
}

} // namespace

void VannGeometry::rows(tree::PageStore& store, const tree::Page& page,
                        const std::function<void(tree::HeapAddress, const tree::RowPlace&)>& visit) const {
    const LeafView leaf(layout_, page.body(), page.block());
    for (unsigned slot = 0; slot < leaf.used(); ++slot) {
        const tree::HeapAddress address = leaf.address(slot);
        if (is_free(address)) continue;
        if (!is_chain(address)) {
            visit(address, {.slot = slot});
            continue;
        }
        follow_chain(store, layout_, chain_block(address), [&](const ChainView& chain) {
            for (unsigned entry = 0; entry < chain.count(); ++entry)
                visit(chain.address(entry), {slot, chain.block(), entry});
        });
    }
}

const char* VannGeometry::contradiction(tree::PageStore& store, const tree::Page& page,
                                        const tree::RowPlace& place, const tree::Item& item) const {
    const LeafView leaf(layout_, page.body(), page.block());
    if (!has_keys(store, leaf, place, item)) return "its key columns are not the row's";
    std::vector<float> centroid(layout_.leaf_dims);
    leaf.read_centroid(centroid.data());
    std::vector<float> point(layout_.has_details() ? layout_.detail_dims : layout_.leaf_dims);
    decode_slot(store, leaf, page.block(), place.slot, centroid.data(), point.data());
    double error = 0, length = 0, centre = 0;
    for (std::size_t i = 0; i < point.size(); ++i) {
        error += std::pow(double{point[i]} - item.point[i], 2);
        length += std::pow(double{item.point[i]}, 2);
    }
    for (const float c : centroid)
        centre += std::pow(double{c}, 2);
    return std::sqrt(error) <= tolerance * (std::sqrt(length) + std::sqrt(centre))
               ? nullptr
               : "its code is not of the row's vector";
}

} // namespace soup::vann
