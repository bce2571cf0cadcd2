// Points in ascending order of their distance to a point, exactly as the operator <-> computes it, within a
// region if one is given (best first: Hjaltason and Samet, TODS 1999).
#pragma once

#include "core/tree/walk.hpp"
#include "core/vtree/region.hpp"

#include <memory>
#include <span>

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
    ~NearestScan();
    NearestScan(const NearestScan&) = delete;
    NearestScan& operator=(const NearestScan&) = delete;

    /// False at the end.
    bool next(Found& found);
    /// What next() gives next, as far as it is known: the part of `into` that was filled.
    std::span<const HeapAddress> ahead(std::span<HeapAddress> into) const noexcept;
    void unpin() noexcept { pinned_.clear(); }

private:
    /// A page that was read, and what is left of it.
    struct PageCopy {
        bool is_leaf;
        std::uint16_t level;
        unsigned count, left; ///< Entries; those not taken yet.
        tree::Link link;      ///< Leads back to the page and what was split off it; inner: its children.
        /// Squared distances as the kernel has them. Infinity: taken, not in the region, or behind the last.
        alignas(64) float bounds[mask_words * 64];
        std::uint16_t nearest[mask_words]; ///< The nearest of each 64 entries.
        alignas(64) std::byte body[tree::body_bytes];
    };
    /// A page in the queue, by the nearest of what it has left.
    struct Waiting {
        std::uint32_t key;
        std::uint16_t slot;
        std::uint32_t page;
    };
    struct Row {
        HeapAddress address;
        std::uint16_t slot;
        float squared;
        tree::Link leaf;
    };

    class SpareCopies;

    bool find_more();
    void forget_given();
    std::uint32_t farthest_wanted();
    void read_on(std::uint32_t reach);
    void visit(tree::Link child, unsigned level);
    void read(tree::Page& page);
    void read_leaf(const tree::Page& leaf, PageCopy& copy);
    void read_inner(const tree::Page& inner, PageCopy& copy);
    std::uint32_t new_copy();
    static Waiting waiting(std::uint32_t index, const PageCopy& copy);
    static void find_nearest(PageCopy& copy);
    static void find_nearest(PageCopy& copy, unsigned of_64);
    static void strike_out(PageCopy& copy, unsigned slot);
    void take_within(PageCopy& copy, std::uint32_t reach);
    void take_row(const PageCopy& copy, unsigned slot);
    void put_back(std::uint32_t index, const PageCopy& copy);
    bool give(std::uint32_t index, Found& found);
    bool pin_again(const Row& row, const float* point);
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

    std::vector<Row> rows_;              ///< Taken from leaves.
    std::vector<float> points_;          ///< Of rows_, one after the other.
    std::vector<std::uint64_t> nearest_; ///< Of rows_: a key, then where the row is.
    std::size_t at_ = 0, sorted_ = 0; ///< Of nearest_: the next one; those known to come before all others.
    std::size_t wanted_ = 0;          ///< How many the last batch was to have.
    std::size_t given_ = 0;           ///< Rows of earlier batches.
};

} // namespace soup::vtree
