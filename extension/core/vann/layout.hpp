// Where everything lies in a page, for given dimensions, metric and key columns. FORMAT.md explains.
//
// Every array has a fixed place and a fixed capacity, so a damaged page can hold wrong numbers but never lead
// a reader out of the page.
#pragma once

#include "core/tree/store.hpp"
#include "core/vann/parameters.hpp"

namespace soup::vann {

/// Up to here 8-bit codes in the leaf take about the room that a bit a coordinate and details beside them
/// take, and answer in two thirds of the time: so few bits say little, and many entries would have to be
/// ranked by their details (measured on windows of electrocardiograms of 8, 16, 32 and 64 samples).
inline constexpr unsigned byte_dims_max = 32;

/// What happens sixteen entries at a time.
inline constexpr unsigned block_entries = 16;

struct Layout {
    /// Raises 54000 if a row's keys leave no room for sixteen entries.
    Layout(unsigned dimensions, Metric metric, unsigned key_bytes);
    explicit Layout(const Parameters& parameters)
        : Layout(parameters.dimensions, parameters.metric, parameters.key_bytes()) {}

    unsigned dimensions;
    Metric metric;
    unsigned key_bytes;
    unsigned padded;      ///< Coordinates of a point.
    unsigned leaf_dims;   ///< The first so many are seen by leaves, inner pages and bounds.
    unsigned detail_dims; ///< The first so many are seen by details.
    /// Estimates made from a part of the coordinates are scaled by these.
    float leaf_scale, detail_scale;

    /// In few dimensions a leaf has 8-bit codes, and there are no details.
    bool has_details() const noexcept { return dimensions > byte_dims_max; }
    bool has_norms() const noexcept { return metric == Metric::inner_product; }
    unsigned tail_dims() const noexcept { return detail_dims > leaf_dims ? detail_dims - leaf_dims : 0; }
    bool inner_has_bits() const noexcept { return leaf_dims > 256; }

    /// Offsets in a leaf's body.
    struct Leaf {
        unsigned capacity;       ///< Slots, a multiple of 16.
        unsigned code_bytes;     ///< Of one entry.
        unsigned centroid_bytes; ///< Of one coordinate: 2 where that costs no slot, else 1.
        unsigned details, a, f, norm, centroid, address, keys, codes;
    } leaf;
    struct Detail {
        unsigned per_page; ///< Details of a page; 0 without details.
        unsigned pages;    ///< At most, of a leaf.
        unsigned b, f, tail_f, norm, codes;
    } detail;
    struct Inner {
        unsigned capacity;
        unsigned code_bytes;
        unsigned centroid_bytes;
        unsigned child, a, f, norm, centroid, spread, codes;
    } inner;
    struct Chain {
        unsigned capacity;
        unsigned address, keys;
    } chain;

    /// As many equal vectors in a leaf are worth a chain page.
    unsigned equals_max;

private:
    void place_details(bool with_tail);
    void place_leaf();
    void place_inner();
};

} // namespace soup::vann
