// A leaf as it lies in its page: a header, and arrays with an element per slot.
//
// A slot is taken or free; a free one has address 0:0, a = +infinity and f = 0, so that no estimate of it is
// below anything. A taken slot's address is a row's, or, with offset 0xFFFF, the first page of a chain of
// addresses with equal vectors. Slots from `used` on are all free.
#pragma once

#include "core/vann/code.hpp"
#include "core/vann/layout.hpp"

namespace soup::vann {

struct LeafHeader {
    std::uint16_t used, live;   ///< Slots up to the last taken one; taken ones.
    std::uint16_t detail_count; ///< Detail pages that exist: slot s has its detail in page s / per_page.
    std::uint16_t has_centroid; ///< 0 in a leaf that never held anything: its centroid is yet to be chosen.
    float centroid_scale;
    std::uint32_t has_chains; ///< 0 if no slot's address ever was a chain's.
};
static_assert(sizeof(LeafHeader) == 16);

inline constexpr std::uint16_t chain_offset = 0xFFFF;
inline bool is_free(tree::HeapAddress address) noexcept {
    return address.offset == 0;
}
inline bool is_chain(tree::HeapAddress address) noexcept {
    return address.offset == chain_offset;
}
inline tree::Block chain_block(tree::HeapAddress address) noexcept {
    return tree::Block{address.block_high} << 16 | address.block_low;
}
inline tree::HeapAddress chain_address(tree::Block block) noexcept {
    return {static_cast<std::uint16_t>(block >> 16), static_cast<std::uint16_t>(block), chain_offset};
}

/// Reads a leaf. Makes no copy; everything that it returns lies within the page, whatever the page says.
class LeafView {
public:
    /// Raises XX002 if the header's counts cannot be.
    LeafView(const Layout& layout, const std::byte* body, tree::Block block);

    unsigned used() const noexcept { return header().used; }
    unsigned live() const noexcept { return header().live; }
    /// used(), rounded up to whole blocks of sixteen.
    unsigned scanned() const noexcept { return (used() + block_entries - 1) / block_entries * block_entries; }
    bool is_full() const noexcept { return live() == layout_->leaf.capacity; }
    bool has_chains() const noexcept { return header().has_chains != 0; }
    bool has_centroid() const noexcept { return header().has_centroid != 0; }
    float centroid_scale() const noexcept { return header().centroid_scale; }
    unsigned detail_count() const noexcept { return header().detail_count; }
    tree::Block detail_block(unsigned page) const noexcept {
        return reinterpret_cast<const tree::Block*>(body_ + layout_->leaf.details)[page];
    }

    const std::byte* centroid() const noexcept { return body_ + layout_->leaf.centroid; }
    const float* a() const noexcept { return floats(layout_->leaf.a); }
    const float* f() const noexcept { return floats(layout_->leaf.f); }
    const float* norms() const noexcept { return floats(layout_->leaf.norm); } ///< If has_norms().
    const tree::HeapAddress* addresses() const noexcept {
        return reinterpret_cast<const tree::HeapAddress*>(body_ + layout_->leaf.address);
    }
    tree::HeapAddress address(unsigned slot) const noexcept { return addresses()[slot]; }
    std::span<const std::byte> keys(unsigned slot) const noexcept {
        return {body_ + layout_->leaf.keys + std::size_t{slot} * layout_->key_bytes, layout_->key_bytes};
    }
    const std::byte* codes() const noexcept { return body_ + layout_->leaf.codes; }

    const std::byte* body() const noexcept { return body_; }
    const Layout& layout() const noexcept { return *layout_; }
    void read_centroid(float* centroid) const noexcept {
        decode_centroid(this->centroid(), layout_->leaf_dims, layout_->leaf.centroid_bytes, centroid_scale(),
                        centroid);
    }

private:
    const LeafHeader& header() const noexcept { return *reinterpret_cast<const LeafHeader*>(body_); }
    const float* floats(unsigned offset) const noexcept {
        return reinterpret_cast<const float*>(body_ + offset);
    }

    const Layout* layout_;
    const std::byte* body_;
};

/// What a leaf keeps of one vector, but for its address and keys.
struct LeafCode {
    float a, f, norm;
    const std::uint8_t* code; ///< leaf.code_bytes: bits, or 8-bit codes without details.
};

/// Writes to a leaf's image, which was checked or is new.
class LeafImage {
public:
    LeafImage(const Layout& layout, std::byte* body) noexcept : layout_(&layout), body_(body) {}

    /// An empty leaf with this centroid; read it back, for it is rounded. Zeroes everything else.
    void initialise(const float* centroid) noexcept;
    void take(unsigned slot, const LeafCode& code, tree::HeapAddress address,
              std::span<const std::byte> keys) noexcept;
    void release(unsigned slot) noexcept;
    void set_address(unsigned slot, tree::HeapAddress address) noexcept;
    void set_keys(unsigned slot, std::span<const std::byte> keys) noexcept;
    void add_detail_page(tree::Block block) noexcept;

private:
    LeafHeader& header() noexcept { return *reinterpret_cast<LeafHeader*>(body_); }
    float& number(unsigned offset, unsigned slot) noexcept {
        return reinterpret_cast<float*>(body_ + offset)[slot];
    }

    const Layout* layout_;
    std::byte* body_;
};

} // namespace soup::vann
