// A child's centroid comes back from its code: close with 8 bits a coordinate, a direction with one.
#include "core/vann/inner_page.hpp"

namespace soup::vann {

InnerView::InnerView(const Layout& layout, const std::byte* body, tree::Block block)
    : layout_(&layout), body_(body) {
    if (header().count > layout.inner.capacity) tree::refuse_page(block, "its number of children cannot be");
}

void InnerView::read_bound(unsigned entry, const float* own_centroid, float* bound) const noexcept {
    const unsigned dims = layout_->leaf_dims;
    if (layout_->inner_has_bits()) {
        std::uint8_t bits[256];
        get_bits(codes(), dims, entry, bits);
        decode_bits(bits, f()[entry], own_centroid, dims, bound);
    } else {
        const auto* code = reinterpret_cast<const std::int8_t*>(codes()) + std::size_t{entry} * dims;
        decode_bytes(code, f()[entry] / 2, own_centroid, dims, bound);
    }
}

void InnerImage::initialise(const float* centroid) noexcept {
    std::memset(body_, 0, tree::body_bytes);
    header().centroid_scale = encode_centroid(centroid, layout_->leaf_dims, layout_->inner.centroid_bytes,
                                              body_ + layout_->inner.centroid);
}

void InnerImage::put(unsigned entry, tree::Block child, const float* bound,
                     const float* own_centroid) noexcept {
    const Layout::Inner& at = layout_->inner;
    const unsigned dims = layout_->leaf_dims;
    const auto number = [&](unsigned offset) -> float& {
        return reinterpret_cast<float*>(body_ + offset)[entry];
    };
    if (layout_->inner_has_bits()) {
        std::uint8_t bits[256];
        const BitFactors factors = encode_bits(bound, own_centroid, dims, bits);
        put_bits(body_ + at.codes, dims, entry, bits);
        number(at.a) = factors.a;
        number(at.f) = factors.f;
    } else {
        auto* code = reinterpret_cast<std::int8_t*>(body_ + at.codes) + std::size_t{entry} * dims;
        const ByteFactors factors = encode_bytes(bound, own_centroid, dims, code);
        number(at.a) = factors.b;
        number(at.f) = 2 * factors.f;
    }
    if (layout_->has_norms()) number(at.norm) = exact_squared_norm(bound, dims) * layout_->leaf_scale;
    reinterpret_cast<tree::Block*>(body_ + at.child)[entry] = child;
}

void InnerImage::append(tree::Block child, const float* bound, const float* own_centroid) noexcept {
    put(header().count, child, bound, own_centroid);
    header().count = static_cast<std::uint16_t>(header().count + 1);
}

void InnerImage::remove(unsigned entry) noexcept {
    const Layout::Inner& at = layout_->inner;
    const unsigned last = header().count - 1U;
    const auto move = [&](unsigned offset) { // Blocks and floats alike.
        auto* numbers = reinterpret_cast<std::uint32_t*>(body_ + offset);
        numbers[entry] = numbers[last];
        numbers[last] = 0;
    };
    move(at.child);
    move(at.a);
    move(at.f);
    if (layout_->has_norms()) move(at.norm);
    if (layout_->inner_has_bits()) {
        std::uint8_t bits[256];
        get_bits(body_ + at.codes, layout_->leaf_dims, last, bits);
        put_bits(body_ + at.codes, layout_->leaf_dims, entry, bits);
    } else if (entry != last) {
        std::memcpy(body_ + at.codes + std::size_t{entry} * at.code_bytes,
                    body_ + at.codes + std::size_t{last} * at.code_bytes, at.code_bytes);
    }
    header().count = static_cast<std::uint16_t>(last);
}

} // namespace soup::vann
