// The coarse table is good enough unless the query is so near to the page's centroid, compared with how far
// both are from the origin, that the table's rounding is no longer small beside the estimate's own error. The
// variance of ⟨s,q-c⟩ about its expectation is (1 - 2/π)|q-c|², the table's is known; where the latter is
// more than a tenth of the former the fine table is used, so that rounding never adds more than 5 % to an
// estimate's error.
#include "core/vann/score.hpp"

#include "core/simd/dispatch.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace soup::vann {
namespace {

constexpr float own_variance = 0.36F; ///< 1 - 2/π
constexpr float coarse_share = 0.1F;

/// The arrays of either kind of page, and how far the query is from its centroid.
struct Coded {
    const std::byte* codes;
    const float* a;
    const float* f;
    unsigned entries;
    float centre;
};

float distance_to_centroid(const Layout& layout, const float* point, const std::byte* centroid,
                           unsigned bytes_each, float scale) noexcept {
    const simd::CodeKernels& kernels = simd::kernels().codes;
    const unsigned dims = layout.leaf_dims;
    if (bytes_each == 1)
        return kernels.l2_squared_code8(point, reinterpret_cast<const std::int8_t*>(centroid), scale, dims);
    return kernels.l2_squared_code16(point, reinterpret_cast<const std::int16_t*>(centroid), scale, dims);
}

Coded coded(const Layout& layout, const float* point, const LeafView& leaf) noexcept {
    return {leaf.codes(), leaf.a(), leaf.f(), leaf.scanned(),
            distance_to_centroid(layout, point, leaf.centroid(), layout.leaf.centroid_bytes,
                                 leaf.centroid_scale())};
}
Coded coded(const Layout& layout, const float* point, const InnerView& inner) noexcept {
    return {inner.codes(), inner.a(), inner.f(), inner.scanned(),
            distance_to_centroid(layout, point, inner.centroid(), layout.inner.centroid_bytes,
                                 inner.centroid_scale())};
}

/// Squared distances from one-bit codes.
void estimate_bits(const Layout& layout, const LookUp& table, const Coded& page, float* out) noexcept {
    const bool is_fine = table.coarse_variance() > coarse_share * own_variance * page.centre;
    const simd::BitScan scan{reinterpret_cast<const std::uint8_t*>(page.codes), table.high(),
                             is_fine ? table.low() : nullptr, layout.leaf_dims / 8,
                             page.entries / block_entries};
    const simd::Estimate estimate{page.a, page.f, page.centre,
                                  is_fine ? table.fine_offset() : table.coarse_offset(),
                                  is_fine ? table.fine_step() : table.coarse_step()};
    simd::kernels().codes.estimate_bits(scan, estimate, out);
}

/// Squared distances from 8-bit codes.
void estimate_bytes(const Layout& layout, const WholePoint& point, const Coded& page, float* out) noexcept {
    const simd::ByteScan scan{reinterpret_cast<const std::int8_t*>(page.codes), point.numbers(),
                              layout.leaf_dims, page.entries};
    const simd::Estimate estimate{page.a, page.f, page.centre, 0, point.step()};
    simd::kernels().codes.estimate_bytes(scan, estimate, out);
}

/// The same with a point that was not rounded.
void estimate_bytes(const Layout& layout, const float* point, const Coded& page, float* out) noexcept {
    simd::kernels().codes.dot_codes(point, reinterpret_cast<const std::int8_t*>(page.codes), layout.leaf_dims,
                                    page.entries, out);
    for (unsigned i = 0; i < page.entries; ++i)
        out[i] = page.centre + (page.a[i] - page.f[i] * out[i]);
}

/// Squared distances within the leaves' coordinates to the metric's order.
void to_order(const Query& query, const float* norms, unsigned entries, float* values) noexcept {
    const Layout& layout = query.layout();
    if (layout.leaf_dims != layout.padded)
        for (unsigned i = 0; i < entries; ++i)
            values[i] *= layout.leaf_scale;
    if (layout.has_norms())
        for (unsigned i = 0; i < entries; ++i)
            values[i] = (values[i] - (query.squared_norm() + norms[i])) / 2;
}

} // namespace

Query::Query(const Layout& layout)
    : layout_(&layout), point_(layout.padded), look_up_(layout.leaf_dims),
      whole_point_(layout.inner_has_bits() ? 0 : layout.leaf_dims) {}

void Query::prepare(const float* point) noexcept {
    std::copy_n(point, point_.size(), point_.begin());
    if (layout_->has_details()) look_up_.prepare(point_.data());
    if (!layout_->inner_has_bits()) whole_point_.prepare(point_.data());
    if (layout_->has_norms()) squared_norm_ = exact_squared_norm(point_.data(), layout_->padded);
    if (layout_->tail_dims() > 0)
        tail_squared_norm_ = exact_squared_norm(point_.data() + layout_->leaf_dims, layout_->tail_dims());
}

double Query::reported(float order) const noexcept {
    switch (layout_->metric) {
    case Metric::inner_product:
        return order;
    case Metric::cosine:
        return std::max(0.0, double{order} / 2);
    case Metric::l2:
    case Metric::l1:
        break;
    }
    return std::sqrt(std::max(0.0, double{order}));
}

LeafScore score_leaf(const Query& query, const LeafView& leaf, float* order) noexcept {
    const Layout& layout = query.layout();
    const Coded page = coded(layout, query.point(), leaf);
    if (layout.has_details())
        estimate_bits(layout, query.look_up(), page, order);
    else
        estimate_bytes(layout, query.point(), page, order);
    to_order(query, leaf.norms(), page.entries, order);
    return {page.entries, page.centre};
}

float score_slots(const Query& query, const LeafView& leaf, std::span<const std::uint16_t> slots,
                  float* order) noexcept {
    const Layout& layout = query.layout();
    const Coded page = coded(layout, query.point(), leaf);
    std::array<float, block_entries> scores;
    for (std::size_t i = 0; i < slots.size();) {
        const unsigned block = slots[i] / block_entries, first = block * block_entries;
        Coded part = page;
        part.codes += std::size_t{first} * layout.leaf.code_bytes;
        part.a += first;
        part.f += first;
        part.entries = block_entries;
        if (layout.has_details())
            estimate_bits(layout, query.look_up(), part, scores.data());
        else
            estimate_bytes(layout, query.point(), part, scores.data());
        to_order(query, layout.has_norms() ? leaf.norms() + first : nullptr, block_entries, scores.data());
        for (; i < slots.size() && slots[i] / block_entries == block; ++i)
            order[i] = scores[slots[i] - first];
    }
    return page.centre;
}

unsigned score_inner(const Query& query, const InnerView& inner, float* order) noexcept {
    const unsigned entries = measure_inner(query, inner, order);
    to_order(query, inner.norms(), entries, order);
    return entries;
}

unsigned measure_inner(const Query& query, const InnerView& inner, float* distance) noexcept {
    const Layout& layout = query.layout();
    const Coded page = coded(layout, query.point(), inner);
    if (layout.inner_has_bits())
        estimate_bits(layout, query.look_up(), page, distance);
    else
        estimate_bytes(layout, query.whole_point(), page, distance);
    return page.entries;
}

float measure_centroid(const Query& query, const LeafView& leaf) noexcept {
    const Layout& layout = query.layout();
    return distance_to_centroid(layout, query.point(), leaf.centroid(), layout.leaf.centroid_bytes,
                                leaf.centroid_scale());
}

unsigned nearest_child(const Layout& layout, const float* point, const InnerView& inner) {
    std::vector<float> distances(inner.scanned());
    const Coded page = coded(layout, point, inner);
    if (layout.inner_has_bits()) {
        LookUp table(layout.leaf_dims);
        table.prepare(point);
        estimate_bits(layout, table, page, distances.data());
    } else {
        WholePoint whole(layout.leaf_dims);
        whole.prepare(point);
        estimate_bytes(layout, whole, page, distances.data());
    }
    unsigned nearest = 0;
    for (unsigned i = 1; i < inner.count(); ++i)
        if (distances[i] < distances[nearest]) nearest = i;
    return nearest;
}

float score_detail(const Query& query, float centre_distance, const DetailCode& detail) noexcept {
    const Layout& layout = query.layout();
    const auto dot = simd::kernels().codes.dot_code;
    float distance =
        centre_distance + (detail.b - 2 * detail.f * dot(query.point(), detail.code, layout.leaf_dims));
    if (layout.tail_dims() > 0)
        distance += query.tail_squared_norm() - 2 * detail.tail_f *
                                                    dot(query.point() + layout.leaf_dims,
                                                        detail.code + layout.leaf_dims, layout.tail_dims());
    distance *= layout.detail_scale;
    return layout.has_norms() ? (distance - (query.squared_norm() + detail.norm)) / 2 : distance;
}

unsigned select_below(const float* order, unsigned count, float limit, std::uint16_t* slots,
                      float* selected) noexcept {
    return static_cast<unsigned>(simd::kernels().codes.select_below(order, count, limit, slots, selected));
}

} // namespace soup::vann
