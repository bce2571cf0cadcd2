// How many entries fit, found by trying: the formulas are short enough to be evaluated for every candidate.
#include "core/vann/layout.hpp"

#include "core/error.hpp"

#include <algorithm>

namespace soup::vann {
namespace {

constexpr unsigned body_bytes = tree::body_bytes;
constexpr unsigned page_header_bytes = 16; ///< LeafHeader, InnerHeader
constexpr unsigned leaf_dims_max = 2048;   ///< See look_up.hpp: 512 sums of 127 fit 16 bits.
constexpr unsigned detail_dims_max = 8000; ///< A detail's code fits a page.

struct Plan {
    unsigned dims, code_bytes, norm_bytes, key_bytes, details_per_page;

    unsigned detail_pages(unsigned entries) const noexcept {
        return details_per_page == 0 ? 0 : (entries + details_per_page - 1) / details_per_page;
    }
    /// What a leaf of so many entries takes.
    unsigned leaf_bytes(unsigned entries, unsigned centroid_bytes) const noexcept {
        const unsigned each =
            2 * sizeof(float) + norm_bytes + sizeof(tree::HeapAddress) + key_bytes + code_bytes;
        return page_header_bytes + detail_pages(entries) * unsigned{sizeof(tree::Block)} +
               dims * centroid_bytes + entries * each;
    }
    unsigned leaf_capacity(unsigned centroid_bytes) const noexcept {
        unsigned entries = 0;
        while (leaf_bytes(entries + block_entries, centroid_bytes) <= body_bytes)
            entries += block_entries;
        return entries;
    }
};

/// The whole coordinates that a detail sees. Where a few less let one more detail into a page, less.
unsigned choose_detail_dims(unsigned padded, unsigned other_bytes) noexcept {
    const unsigned dims = std::min(padded, detail_dims_max);
    const unsigned per_page = body_bytes / (dims + other_bytes);
    const unsigned fewer = (body_bytes / (per_page + 1) - other_bytes) / 16 * 16;
    return fewer < dims && (dims - fewer) * 80 <= dims ? fewer : dims;
}

} // namespace

Layout::Layout(unsigned dimensions_wanted, Metric metric_wanted, unsigned key_bytes_wanted)
    : dimensions(dimensions_wanted), metric(metric_wanted), key_bytes(key_bytes_wanted),
      padded(dimensions < 8 ? 8 : (dimensions + 15) / 16 * 16), leaf_dims(std::min(padded, leaf_dims_max)),
      detail_dims(padded), leaf_scale(1), detail_scale(1), leaf{}, detail{}, inner{}, chain{}, equals_max(0) {
    if (dimensions < 1 || dimensions > dimensions_max)
        throw bad_input("dimension " + std::to_string(dimensions) + " is not between 1 and " +
                        std::to_string(dimensions_max));
    place_details(false);
    place_leaf();
    if (tail_dims() > 0) { // The leaf sees less than the details, which then have one number more.
        place_details(true);
        place_leaf();
    }
    place_inner();
    chain.address = 8;
    chain.capacity = (body_bytes - chain.address) / (unsigned{sizeof(tree::HeapAddress)} + key_bytes);
    chain.keys = chain.address + chain.capacity * unsigned{sizeof(tree::HeapAddress)};
    leaf_scale = static_cast<float>(padded) / static_cast<float>(leaf_dims);
    detail_scale = static_cast<float>(padded) / static_cast<float>(detail_dims);
}

void Layout::place_details(bool with_tail) {
    if (!has_details()) return;
    const unsigned norm_bytes = has_norms() ? 4 : 0;
    const unsigned other_bytes = (with_tail ? 12 : 8) + norm_bytes;
    detail_dims = choose_detail_dims(padded, other_bytes);
    detail.per_page = body_bytes / (detail_dims + other_bytes);
    detail.b = 0;
    detail.f = detail.per_page * 4;
    detail.norm = detail.per_page * 8;
    detail.tail_f = detail.norm + detail.per_page * norm_bytes;
    detail.codes = body_bytes - detail.per_page * detail_dims;
}

void Layout::place_leaf() {
    const auto plan = [&](unsigned dims) {
        return Plan{dims, has_details() ? dims / 8 : dims, has_norms() ? 4U : 0U, key_bytes, detail.per_page};
    };
    // Fewer coordinates make estimates a little worse, more entries a centroid make better use of a page: a
    // cut is taken where it brings three times what it costs.
    const unsigned all = std::min(detail_dims, leaf_dims_max), capacity_of_all = plan(all).leaf_capacity(1);
    double best = 0;
    leaf_dims = all;
    for (unsigned dims = all; has_details() && dims >= 16 && dims * 10 >= all * 7; dims -= 16) {
        const double gain = double{plan(dims).leaf_capacity(1) * 1.0} / std::max(capacity_of_all, 1U) - 1;
        const double cost = 1 - double{dims * 1.0} / all;
        if (gain - 3 * cost > best) {
            best = gain - 3 * cost;
            leaf_dims = dims;
        }
    }
    const Plan chosen = plan(leaf_dims);
    leaf.capacity = chosen.leaf_capacity(1);
    if (leaf.capacity < block_entries)
        throw too_big("key columns of " + std::to_string(key_bytes) + " bytes leave no room in a page");
    leaf.centroid_bytes = chosen.leaf_capacity(2) == leaf.capacity ? 2 : 1;
    leaf.code_bytes = chosen.code_bytes;
    detail.pages = chosen.detail_pages(leaf.capacity);

    leaf.details = page_header_bytes;
    leaf.a = leaf.details + detail.pages * unsigned{sizeof(tree::Block)};
    leaf.f = leaf.a + leaf.capacity * 4;
    leaf.norm = leaf.f + leaf.capacity * 4;
    leaf.centroid = leaf.norm + leaf.capacity * chosen.norm_bytes;
    leaf.address = leaf.centroid + leaf_dims * leaf.centroid_bytes;
    leaf.keys = leaf.address + leaf.capacity * unsigned{sizeof(tree::HeapAddress)};
    // At the page's end, where a register's width divides the offset.
    leaf.codes = body_bytes - leaf.capacity * leaf.code_bytes;

    const unsigned entry_bytes = 14 + chosen.norm_bytes + key_bytes + leaf.code_bytes + detail_dims + 8;
    equals_max = std::clamp(body_bytes / entry_bytes, 4U, leaf.capacity / 4);
}

void Layout::place_inner() {
    const unsigned norm_bytes = has_norms() ? 4 : 0;
    const unsigned step = inner_has_bits() ? block_entries : 1;
    inner.code_bytes = inner_has_bits() ? leaf_dims / 8 : leaf_dims;
    const unsigned each = inner.code_bytes + 13 + norm_bytes;
    const auto capacity = [&](unsigned centroid_bytes) {
        return (body_bytes - page_header_bytes - leaf_dims * centroid_bytes) / each / step * step;
    };
    inner.capacity = capacity(1);
    inner.centroid_bytes = capacity(2) == inner.capacity ? 2 : 1;
    inner.child = page_header_bytes;
    inner.a = inner.child + inner.capacity * 4;
    inner.f = inner.a + inner.capacity * 4;
    inner.norm = inner.f + inner.capacity * 4;
    inner.centroid = inner.norm + inner.capacity * norm_bytes;
    inner.spread = inner.centroid + leaf_dims * inner.centroid_bytes;
    inner.codes = body_bytes - inner.capacity * inner.code_bytes;
}

} // namespace soup::vann
