// Encodes points relative to the leaf's centroid as it is stored, fills the body's arrays, and writes body
// and details.
#include "core/vann/leaf_draft.hpp"

#include <algorithm>
#include <array>

namespace soup::vann {

Encoder::Encoder(const Layout& layout)
    : layout_(&layout), leaf_bytes_(layout.leaf.code_bytes), detail_bytes_(layout.detail_dims) {}

void Encoder::encode(const float* point, const float* centroid, float norm) noexcept {
    const unsigned dims = layout_->leaf_dims, tail = layout_->tail_dims();
    if (!layout_->has_details()) {
        const ByteFactors factors =
            encode_bytes(point, centroid, dims, reinterpret_cast<std::int8_t*>(leaf_bytes_.data()));
        leaf_ = {factors.b, 2 * factors.f, norm, leaf_bytes_.data()};
        return;
    }
    const BitFactors bits = encode_bits(point, centroid, dims, leaf_bytes_.data());
    leaf_ = {bits.a, bits.f, norm, leaf_bytes_.data()};
    const ByteFactors bytes = encode_bytes(point, centroid, dims, detail_bytes_.data());
    ByteFactors rest{0, 0};
    if (tail > 0) rest = encode_bytes(point + dims, nullptr, tail, detail_bytes_.data() + dims);
    detail_ = {bytes.b + rest.b, bytes.f, rest.f, norm, detail_bytes_.data()};
}

LeafDraft::LeafDraft(const Layout& layout)
    : layout_(&layout), encoder_(layout), centroid_(layout.leaf_dims),
      body_(std::make_unique<std::byte[]>(tree::body_bytes)) {}

void LeafDraft::begin(const float* centroid) {
    LeafImage(*layout_, body_.get()).initialise(centroid);
    LeafView(*layout_, body_.get(), tree::no_block).read_centroid(centroid_.data());
    for (const auto& page : details_)
        std::memset(page.get(), 0, tree::body_bytes);
    count_ = 0;
}

void LeafDraft::add(const float* point, tree::HeapAddress address, std::span<const std::byte> keys,
                    float norm) {
    encoder_.encode(point, centroid_.data(), norm);
    LeafImage(*layout_, body_.get()).take(count_, encoder_.leaf(), address, keys);
    if (layout_->has_details()) {
        const unsigned page = count_ / layout_->detail.per_page;
        if (page == details_.size()) details_.push_back(std::make_unique<std::byte[]>(tree::body_bytes));
        put_detail(*layout_, details_[page].get(), count_ % layout_->detail.per_page, encoder_.detail());
    }
    ++count_;
}

void LeafDraft::write_details(tree::PageStore& store, tree::Block leaf) {
    if (!layout_->has_details()) return;
    const unsigned pages = (count_ + layout_->detail.per_page - 1) / layout_->detail.per_page;
    LeafImage image(*layout_, body_.get());
    for (unsigned written = 0; written < pages;) {
        std::array<tree::Page, tree::Change::pages_max> some;
        const unsigned count = std::min<unsigned>(pages - written, tree::Change::pages_max);
        for (unsigned i = 0; i < count; ++i)
            some[i] = store.allocate();
        tree::Change change(store);
        for (unsigned i = 0; i < count; ++i) {
            std::byte* page = start_detail_page(store, change, some[i], leaf);
            std::memcpy(page, details_[written + i].get(), tree::body_bytes);
        }
        change.commit();
        for (unsigned i = 0; i < count; ++i)
            image.add_detail_page(some[i].block());
        written += count;
    }
}

} // namespace soup::vann
