// The header's counts are checked against the layout once, so that no later access can leave the page.
#include "core/vann/leaf_page.hpp"

#include <algorithm>
#include <limits>

namespace soup::vann {

LeafView::LeafView(const Layout& layout, const std::byte* body, tree::Block block)
    : layout_(&layout), body_(body) {
    const LeafHeader& counts = header();
    if (counts.used > layout.leaf.capacity || counts.live > counts.used ||
        (counts.live == 0 && counts.used > 0))
        tree::refuse_page(block, "its number of entries cannot be");
    if (counts.detail_count > layout.detail.pages ||
        (layout.has_details() && counts.used > counts.detail_count * layout.detail.per_page))
        tree::refuse_page(block, "its number of detail pages cannot be");
    if (counts.used > 0 && counts.has_centroid == 0)
        tree::refuse_page(block, "it has entries but no centroid");
}

void LeafImage::initialise(const float* centroid) noexcept {
    std::memset(body_, 0, tree::body_bytes);
    header().has_centroid = 1;
    header().centroid_scale = encode_centroid(centroid, layout_->leaf_dims, layout_->leaf.centroid_bytes,
                                              body_ + layout_->leaf.centroid);
    for (unsigned slot = 0; slot < layout_->leaf.capacity; ++slot)
        number(layout_->leaf.a, slot) = std::numeric_limits<float>::infinity();
}

void LeafImage::take(unsigned slot, const LeafCode& code, tree::HeapAddress address,
                     std::span<const std::byte> keys) noexcept {
    const Layout::Leaf& at = layout_->leaf;
    number(at.a, slot) = code.a;
    number(at.f, slot) = code.f;
    if (layout_->has_norms()) number(at.norm, slot) = code.norm;
    if (layout_->has_details())
        put_bits(body_ + at.codes, layout_->leaf_dims, slot, code.code);
    else
        std::memcpy(body_ + at.codes + std::size_t{slot} * at.code_bytes, code.code, at.code_bytes);
    set_address(slot, address);
    set_keys(slot, keys);
    header().live = static_cast<std::uint16_t>(header().live + 1);
    header().used = std::max(header().used, static_cast<std::uint16_t>(slot + 1));
}

void LeafImage::release(unsigned slot) noexcept {
    number(layout_->leaf.a, slot) = std::numeric_limits<float>::infinity();
    number(layout_->leaf.f, slot) = 0;
    set_address(slot, {0, 0, 0});
    set_keys(slot, {});
    if (header().live > 0) header().live = static_cast<std::uint16_t>(header().live - 1);
    const auto* addresses = reinterpret_cast<const tree::HeapAddress*>(body_ + layout_->leaf.address);
    while (header().used > 0 && is_free(addresses[header().used - 1]))
        header().used = static_cast<std::uint16_t>(header().used - 1);
}

void LeafImage::set_address(unsigned slot, tree::HeapAddress address) noexcept {
    reinterpret_cast<tree::HeapAddress*>(body_ + layout_->leaf.address)[slot] = address;
    if (is_chain(address)) header().has_chains = 1;
}

void LeafImage::set_keys(unsigned slot, std::span<const std::byte> keys) noexcept {
    if (layout_->key_bytes == 0) return;
    std::byte* to = body_ + layout_->leaf.keys + std::size_t{slot} * layout_->key_bytes;
    const std::size_t given = std::min<std::size_t>(keys.size(), layout_->key_bytes);
    std::memset(to, 0, layout_->key_bytes);
    if (given > 0) std::memcpy(to, keys.data(), given);
}

void LeafImage::add_detail_page(tree::Block block) noexcept {
    reinterpret_cast<tree::Block*>(body_ + layout_->leaf.details)[header().detail_count] = block;
    header().detail_count = static_cast<std::uint16_t>(header().detail_count + 1);
}

} // namespace soup::vann
