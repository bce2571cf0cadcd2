// The coarse table is good enough unless the query is so near to the page's centroid, compared with how far
// both are from the origin, that the table's rounding is no longer small beside the estimate's own error. The
// variance of ⟨s,q-c⟩ about its expectation is (1 - 2/π)|q-c|², the table's is known; where the latter is
// more than a tenth of the former the fine table is used, so that rounding never adds more than 5 % to an
// estimate's error.
#include "core/vann/score.hpp"

#include "core/simd/dispatch.hpp"

#include <algorithm>
#include <cmath>

namespace soup::vann {
namespace {

constexpr float own_variance = 0.36F; ///< 1 - 2/π
constexpr float coarse_share = 0.1F;

float centre_distance(const Query& query, const std::byte* centroid, unsigned bytes_each,
                      float scale) noexcept {
    const unsigned dims = query.layout().leaf_dims;
    const simd::CodeKernels& kernels = simd::kernels().codes;
    return bytes_each == 1
               ? kernels.l2_squared_code8(query.point(), reinterpret_cast<const std::int8_t*>(centroid),
                                          scale, dims)
               : kernels.l2_squared_code16(query.point(), reinterpret_cast<const std::int16_t*>(centroid),
                                           scale, dims);
}

/// Squared distances from one-bit codes.
void estimate_bits(const Query& query, const std::byte* codes, unsigned entries, const float* a,
                   const float* f, float centre, float* out) noexcept {
    const LookUp& table = query.look_up();
    const bool is_fine = table.coarse_variance() > coarse_share * own_variance * centre;
    const simd::BitScan scan{reinterpret_cast<const std::uint8_t*>(codes), table.high(),
                             is_fine ? table.low() : nullptr, query.layout().leaf_dims / 8,
                             entries / block_entries};
    const simd::BitEstimate estimate{a, f, centre, is_fine ? table.fine_offset() : table.coarse_offset(),
                                     is_fine ? table.fine_step() : table.coarse_step()};
    simd::kernels().codes.estimate_bits(scan, estimate, out);
}

/// Squared distances from 8-bit codes.
void estimate_bytes(const Query& query, const std::byte* codes, unsigned entries, const float* a,
                    const float* f, float centre, float* out) noexcept {
    const unsigned dims = query.layout().leaf_dims;
    const auto* code = reinterpret_cast<const std::int8_t*>(codes);
    for (unsigned i = 0; i < entries; ++i, code += dims)
        out[i] = centre + (a[i] - f[i] * simd::kernels().codes.dot_code(query.point(), code, dims));
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

Query::Query(const Layout& layout) : layout_(&layout), point_(layout.padded), look_up_(layout.leaf_dims) {}

void Query::prepare(const float* point) noexcept {
    std::copy_n(point, point_.size(), point_.begin());
    if (layout_->has_details()) look_up_.prepare(point_.data());
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
    const unsigned entries = leaf.scanned();
    const Layout& layout = query.layout();
    const float centre =
        centre_distance(query, leaf.centroid(), layout.leaf.centroid_bytes, leaf.centroid_scale());
    if (layout.has_details())
        estimate_bits(query, leaf.codes(), entries, leaf.a(), leaf.f(), centre, order);
    else
        estimate_bytes(query, leaf.codes(), entries, leaf.a(), leaf.f(), centre, order);
    to_order(query, leaf.norms(), entries, order);
    return {entries, centre};
}

unsigned score_inner_distances(const Query& query, const InnerView& inner, float* distances) noexcept {
    const unsigned entries = inner.scanned();
    const Layout& layout = query.layout();
    const float centre =
        centre_distance(query, inner.centroid(), layout.inner.centroid_bytes, inner.centroid_scale());
    if (layout.inner_has_bits())
        estimate_bits(query, inner.codes(), entries, inner.a(), inner.f(), centre, distances);
    else
        estimate_bytes(query, inner.codes(), entries, inner.a(), inner.f(), centre, distances);
    return entries;
}

unsigned score_inner(const Query& query, const InnerView& inner, float* order) noexcept {
    const unsigned entries = score_inner_distances(query, inner, order);
    to_order(query, inner.norms(), entries, order);
    return entries;
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
