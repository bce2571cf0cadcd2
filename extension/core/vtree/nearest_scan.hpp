// Points in ascending order of their distance to a point, exactly as the operator <-> computes it, within a
// region if one is given (best first: Hjaltason and Samet, TODS 1999).
#pragma once

#include "core/tree/walk.hpp"
#include "core/vtree/region.hpp"

#include <memory>

namespace soup::vtree {

class NearestScan {
public:
    struct Found {
        HeapAddress row;
        double distance;
        float point[max_dimensions];
    };
    /// Whether the row's leaf stays pinned until the next call, and the row is left out if vacuum has removed
    /// it meanwhile. Without it a row may be gone; asking the heap tells.
    enum class Pinning : std::uint8_t { none, each_result };

    NearestScan(tree::PageStore& store, const Layout& layout, std::vector<float> from, Region region,
                Pinning pinning);

    /// False at the end.
    bool next(Found& found);
    void unpin() noexcept { pinned_.clear(); }

private:
    /// A page that was read: what is left of it, nearest first.
    struct PageCopy {
        bool is_leaf;
        std::uint16_t level;
        unsigned count, left; ///< Entries; those not taken yet.
        unsigned waiting;     ///< Rows in the queue that refer to this copy.
        unsigned taken;       //
        tree::Link link;      ///< Leads back to the page and what was split off it; inner: its children.
        /// Once many were taken: the nearest of the rest, farthest first; a bound's bits, then its slot.
        std::vector<std::uint64_t> order;
        alignas(
            64) float bounds[mask_words * 64]; ///< Infinity: taken, not in the region, or behind the last.
        alignas(64) std::byte body[tree::body_bytes];
    };
    struct Waiting {
        float key;
        bool is_row;
        std::uint16_t slot;
        std::uint32_t page;
    };

    void read(tree::Page& page);
    void read_leaf(const tree::Page& leaf, PageCopy& copy);
    void read_inner(const tree::Page& inner, PageCopy& copy);
    std::uint32_t new_copy();
    static void sort_nearest(PageCopy& copy);
    static Waiting waiting(std::uint32_t index, PageCopy& copy);
    void take_first(PageCopy& copy, const Waiting& page);
    void visit(tree::Link child, unsigned level);
    Waiting row_at(const PageCopy& copy, const Waiting& page) const;
    bool give(const Waiting& row, Found& found);
    bool pin_again(const PageCopy& copy, unsigned slot, const float* point);
    bool pin_from_root(HeapAddress row, const float* point);
    void push(const Waiting& waiting);
    void pop();
    void replace_first(const Waiting& waiting);

    tree::PageStore& store_;
    Layout layout_;
    std::vector<float> from_;
    Region region_;
    Pinning pinning_;
    std::vector<tree::Page> pinned_;
    std::vector<Waiting> queue_;
    std::vector<std::unique_ptr<PageCopy>> copies_;
    std::vector<std::uint32_t> unused_;
};

} // namespace soup::vtree
