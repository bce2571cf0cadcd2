// A child's centroid comes back from its code: close with 8 bits a coordinate, a direction with one. Its
// spread comes back from a byte, relative to the page's, in steps of a sixteenth of a doubling.
#include "core/vann/inner_page.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace soup::vann {
namespace {

/// 2^((b - 192) / 16), made of numbers that are the same everywhere; 0 for 0.
const std::array<float, 256> ratios = [] {
    constexpr float sixteenths[16] = {1.0F,        1.04427378F, 1.09050773F, 1.13878863F,
                                      1.18920712F, 1.24185781F, 1.29683955F, 1.35425555F,
                                      1.41421356F, 1.47682615F, 1.54221083F, 1.61049033F,
                                      1.68179283F, 1.75625216F, 1.83400809F, 1.91520656F};
    std::array<float, 256> ratios{};
    for (int b = 1; b < 256; b++)
        ratios[static_cast<std::size_t>(b)] = std::ldexp(sixteenths[b % 16], b / 16 - 12);
    return ratios;
}();

/// The least that is not below the ratio.
std::byte ratio_code(float ratio) noexcept {
    if (!(ratio > 0)) return std::byte{0};
    const auto found = std::lower_bound(ratios.begin(), ratios.end() - 1, ratio);
    return static_cast<std::byte>(found - ratios.begin());
}

} // namespace

InnerView::InnerView(const Layout& layout, const std::byte* body, tree::Block block)
    : layout_(&layout), body_(body) {
    if (header().count > layout.inner.capacity) tree::refuse_page(block, "its number of children cannot be");
}

float InnerView::spread(unsigned entry) const noexcept {
    return spread() * ratios[static_cast<std::size_t>(body_[layout_->inner.spread + entry])];
}

std::vector<float> InnerView::own_bound() const {
    std::vector<float> bound(layout_->leaf_dims + 1);
    read_centroid(bound.data());
    bound.back() = spread();
    return bound;
}

void InnerImage::initialise(const float* centroid) noexcept {
    std::memset(body_, 0, tree::body_bytes);
    header().centroid_scale = encode_centroid(centroid, layout_->leaf_dims, layout_->inner.centroid_bytes,
                                              body_ + layout_->inner.centroid);
}

void InnerImage::fill(std::span<const Child> children) {
    const unsigned dims = layout_->leaf_dims;
    const auto count = static_cast<float>(children.size());
    std::vector<float> own(dims), from_own(dims);
    for (const Child& child : children)
        for (unsigned i = 0; i < dims; ++i)
            own[i] += child.bound[i] / count;
    initialise(own.data());
    decode_centroid(body_ + layout_->inner.centroid, dims, layout_->inner.centroid_bytes,
                    header().centroid_scale, own.data());
    float squared = 0;
    for (const Child& child : children) {
        for (unsigned i = 0; i < dims; ++i)
            from_own[i] = child.bound[i] - own[i];
        const float below = child.bound[dims];
        squared += (exact_squared_norm(from_own.data(), dims) * layout_->leaf_scale + below * below) / count;
    }
    header().spread = std::sqrt(squared);
    for (const Child& child : children)
        append(child, own.data());
}

void InnerImage::put(unsigned entry, const Child& child, const float* own_centroid) noexcept {
    const Layout::Inner& at = layout_->inner;
    const unsigned dims = layout_->leaf_dims;
    const float* bound = child.bound;
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
    body_[at.spread + entry] = ratio_code(bound[dims] / header().spread);
    reinterpret_cast<tree::Block*>(body_ + at.child)[entry] = child.block;
}

void InnerImage::append(const Child& child, const float* own_centroid) noexcept {
    put(header().count, child, own_centroid);
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
    body_[at.spread + entry] = std::exchange(body_[at.spread + last], std::byte{0});
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
