// An inner page: a centroid of its own, and per child its block, the code of its centroid and its spread.
#pragma once

#include "core/vann/code.hpp"
#include "core/vann/layout.hpp"

#include <span>
#include <vector>

namespace soup::vann {

struct InnerHeader {
    std::uint16_t count, unused;
    float centroid_scale;
    float spread;
    std::uint32_t unused_too;
};
static_assert(sizeof(InnerHeader) == 16);

class InnerView {
public:
    /// Raises XX002 if the header's count cannot be.
    InnerView(const Layout& layout, const std::byte* body, tree::Block block);

    unsigned count() const noexcept { return header().count; }
    /// count(), rounded up to whole blocks of sixteen where children have codes of bits.
    unsigned scanned() const noexcept {
        return layout_->inner_has_bits() ? (count() + block_entries - 1) / block_entries * block_entries
                                         : count();
    }
    const tree::Block* children() const noexcept {
        return reinterpret_cast<const tree::Block*>(body_ + layout_->inner.child);
    }
    tree::Block child(unsigned entry) const noexcept { return children()[entry]; }
    const std::byte* centroid() const noexcept { return body_ + layout_->inner.centroid; }
    float centroid_scale() const noexcept { return header().centroid_scale; }
    const float* a() const noexcept { return floats(layout_->inner.a); }
    const float* f() const noexcept { return floats(layout_->inner.f); }
    const float* norms() const noexcept { return floats(layout_->inner.norm); } ///< If has_norms().
    const std::byte* codes() const noexcept { return body_ + layout_->inner.codes; }
    /// Of the leaves under the page: the root of their mean squared distance from its centroid.
    float spread() const noexcept { return header().spread; }
    /// Likewise of those under the child, or a little more; 0 if it is a leaf.
    float spread(unsigned entry) const noexcept;

    const Layout& layout() const noexcept { return *layout_; }
    void read_centroid(float* centroid) const noexcept {
        decode_centroid(this->centroid(), layout_->leaf_dims, layout_->inner.centroid_bytes, centroid_scale(),
                        centroid);
    }
    /// The page's own centroid and behind it its spread: what its parent makes a child of.
    std::vector<float> own_bound() const;

private:
    const InnerHeader& header() const noexcept { return *reinterpret_cast<const InnerHeader*>(body_); }
    const float* floats(unsigned offset) const noexcept {
        return reinterpret_cast<const float*>(body_ + offset);
    }

    const Layout* layout_;
    const std::byte* body_;
};

/// Writes to an inner page's image, which was checked or is new.
class InnerImage {
public:
    InnerImage(const Layout& layout, std::byte* body) noexcept : layout_(&layout), body_(body) {}

    struct Child {
        tree::Block block;
        const float* bound; ///< The centroid, leaf_dims floats, and the spread.
    };
    /// A page of these children, around their centroids' mean.
    void fill(std::span<const Child> children);
    /// `own_centroid` is the page's, as read back, for it was rounded.
    void put(unsigned entry, const Child& child, const float* own_centroid) noexcept;
    void append(const Child& child, const float* own_centroid) noexcept;
    /// The last child takes the entry's place.
    void remove(unsigned entry) noexcept;

private:
    InnerHeader& header() noexcept { return *reinterpret_cast<InnerHeader*>(body_); }
    void initialise(const float* centroid) noexcept;

    const Layout* layout_;
    std::byte* body_;
};

} // namespace soup::vann
