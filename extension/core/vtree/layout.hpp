// What lies where on vtree's pages; FORMAT.md has it as a table.
//
// Columns: the first coordinate of all entries, then the second, and so on, each column with room for the
// page's capacity, so that one register takes as many entries as it has lanes. Capacities are multiples of 8:
// every column starts at a multiple of 32 bytes from the first. Kernels read up to 15 elements past the last
// entry; what follows the last column (addresses, blocks) is longer than that.
#pragma once

#include "core/simd/boxes.hpp"
#include "core/tree/damage.hpp"
#include "core/tree/store.hpp"

namespace soup::vtree {

using tree::Block;
using tree::HeapAddress;

inline constexpr unsigned max_dimensions = 16;
/// No page has more entries than this (a leaf of one dimension has 808), rounded up for the kernels.
inline constexpr unsigned max_entries = 816;
inline constexpr unsigned mask_words = (max_entries + 63) / 64;
using Mask = std::uint64_t[mask_words];

class Layout {
public:
    explicit constexpr Layout(unsigned dimensions) noexcept
        : dimensions_(dimensions), leaf_capacity_(capacity(sizeof(float) * dimensions + sizeof(HeapAddress))),
          inner_capacity_(capacity(2 * sizeof(float) * dimensions + sizeof(Block))) {}

    constexpr unsigned dimensions() const noexcept { return dimensions_; }
    constexpr unsigned leaf_capacity() const noexcept { return leaf_capacity_; }
    constexpr unsigned inner_capacity() const noexcept { return inner_capacity_; }

    static unsigned count(const std::byte* body) noexcept {
        std::uint16_t count;
        std::memcpy(&count, body, sizeof count);
        return count;
    }
    static const std::uint16_t* count_place(const std::byte* body) noexcept {
        return reinterpret_cast<const std::uint16_t*>(body);
    }
    static void set_count(std::byte* body, unsigned count) noexcept {
        const auto stored = static_cast<std::uint16_t>(count);
        std::memcpy(body, &stored, sizeof stored);
    }
    /// The number of entries of a page that somebody may have damaged.
    unsigned checked_count(const tree::Page& page) const {
        const bool is_leaf = page.tail().level == 0;
        const unsigned found = count(page.body());
        if (is_leaf != (page.tail().kind == tree::PageKind::leaf))
            tree::refuse_page(page.block(), "its kind and level do not fit");
        if (found > (is_leaf ? leaf_capacity_ : inner_capacity_))
            tree::refuse_page(page.block(), "it claims more entries than a page can hold");
        return found;
    }
    /// Refuses a page that a parent of the given level cannot have below it: without this, damaged links
    /// could lead around for ever.
    static void check_level(const tree::Page& page, unsigned level) {
        if (page.tail().level != level)
            tree::refuse_page(page.block(), "its level is not what its parent says");
    }

    // Leaf: a column per dimension, then the addresses.
    const float* column(const std::byte* leaf, unsigned dimension) const noexcept {
        return reinterpret_cast<const float*>(leaf + columns_at) + std::size_t{dimension} * leaf_capacity_;
    }
    float* column(std::byte* leaf, unsigned dimension) const noexcept {
        return reinterpret_cast<float*>(leaf + columns_at) + std::size_t{dimension} * leaf_capacity_;
    }
    const HeapAddress* addresses(const std::byte* leaf) const noexcept {
        return reinterpret_cast<const HeapAddress*>(column(leaf, dimensions_));
    }
    HeapAddress* addresses(std::byte* leaf) const noexcept {
        return reinterpret_cast<HeapAddress*>(column(leaf, dimensions_));
    }
    simd::PointColumns points(const std::byte* leaf, unsigned count) const noexcept {
        return {column(leaf, 0), leaf_capacity_, count, dimensions_};
    }

    // Inner page: the boxes' lower corners, a column per dimension, the upper ones, then the children.
    const float* lower(const std::byte* inner, unsigned dimension) const noexcept {
        return reinterpret_cast<const float*>(inner + columns_at) + std::size_t{dimension} * inner_capacity_;
    }
    float* lower(std::byte* inner, unsigned dimension) const noexcept {
        return reinterpret_cast<float*>(inner + columns_at) + std::size_t{dimension} * inner_capacity_;
    }
    const float* upper(const std::byte* inner, unsigned dimension) const noexcept {
        return lower(inner, dimensions_ + dimension);
    }
    float* upper(std::byte* inner, unsigned dimension) const noexcept {
        return lower(inner, dimensions_ + dimension);
    }
    const Block* children(const std::byte* inner) const noexcept {
        return reinterpret_cast<const Block*>(lower(inner, 2 * dimensions_));
    }
    Block* children(std::byte* inner) const noexcept {
        return reinterpret_cast<Block*>(lower(inner, 2 * dimensions_));
    }
    simd::BoxColumns boxes(const std::byte* inner, unsigned count) const noexcept {
        return {lower(inner, 0), upper(inner, 0), inner_capacity_, count, dimensions_};
    }

private:
    static constexpr std::size_t columns_at = 8;
    static constexpr unsigned capacity(std::size_t entry_bytes) noexcept {
        return static_cast<unsigned>((tree::body_bytes - columns_at) / entry_bytes / 8 * 8);
    }

    unsigned dimensions_, leaf_capacity_, inner_capacity_;
};

static_assert(Layout(1).leaf_capacity() <= max_entries - 8 && Layout(1).inner_capacity() <= max_entries - 8);
static_assert(Layout(3).leaf_capacity() == 448 && Layout(3).inner_capacity() == 288);
static_assert(Layout(max_dimensions).leaf_capacity() * sizeof(HeapAddress) >= 16 * sizeof(float) &&
              Layout(max_dimensions).inner_capacity() * sizeof(Block) >= 16 * sizeof(float));

} // namespace soup::vtree
