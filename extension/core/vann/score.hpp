// Scoring: a prepared query against a whole leaf, a whole inner page, or one detail.
//
// Estimates are in the metric's *order*: squared distance for L2, cosine and L1 (where it only chooses
// candidates), the negative inner product for inner products. They order entries of all pages alike and may
// be below any true value, also negative where a distance cannot be; reported() turns one into the
// operator's.
#pragma once

#include "core/vann/detail_page.hpp"
#include "core/vann/inner_page.hpp"
#include "core/vann/leaf_page.hpp"
#include "core/vann/look_up.hpp"
#include "core/vann/whole_point.hpp"

namespace soup::vann {

class Query {
public:
    explicit Query(const Layout& layout);

    /// `point` has padded floats and is copied.
    void prepare(const float* point) noexcept;

    const Layout& layout() const noexcept { return *layout_; }
    const float* point() const noexcept { return point_.data(); }
    const LookUp& look_up() const noexcept { return look_up_; }
    const WholePoint& whole_point() const noexcept { return whole_point_; } ///< Unless inner_has_bits().
    float squared_norm() const noexcept { return squared_norm_; }           ///< |q|²
    float tail_squared_norm() const noexcept { return tail_squared_norm_; } ///< Of what only details see.

    /// The operator's value for an estimate: |q-x|, -⟨q,x⟩ or 1 - cosine.
    double reported(float order) const noexcept;

private:
    const Layout* layout_;
    std::vector<float> point_;
    LookUp look_up_;
    WholePoint whole_point_;
    float squared_norm_ = 0, tail_squared_norm_ = 0;
};

/// A leaf's entries: `order` gets leaf.capacity floats at most. A free slot gets +infinity.
struct LeafScore {
    unsigned slots;        ///< Written: a multiple of 16.
    float centre_distance; ///< |q-c|² in the leaf's coordinates; score_detail() needs it.
};
LeafScore score_leaf(const Query& query, const LeafView& leaf, float* order) noexcept;

/// The entries at these slots, in ascending order: a block of sixteen of which none is wanted is not read.
/// Returns the centre distance.
float score_slots(const Query& query, const LeafView& leaf, std::span<const std::uint16_t> slots,
                  float* order) noexcept;

/// An inner page's children: `order` gets inner.capacity floats at most, of which the first count() mean
/// something. Returns how many were written.
unsigned score_inner(const Query& query, const InnerView& inner, float* order) noexcept;

/// Likewise in squared distance, whatever the metric.
unsigned measure_inner(const Query& query, const InnerView& inner, float* distance) noexcept;
/// Of a leaf's centroid, in squared distance within the leaf's coordinates, exactly as it is stored.
float measure_centroid(const Query& query, const LeafView& leaf) noexcept;

/// The child whose centroid is nearest to a point, in squared distance whatever the metric: where an entry
/// belongs. The page has children.
unsigned nearest_child(const Layout& layout, const float* point, const InnerView& inner);

/// One detail of a leaf with that centre_distance.
float score_detail(const Query& query, float centre_distance, const DetailCode& detail) noexcept;

/// The slots whose order is below `limit`, in ascending order of slots, and their orders; returns how many.
/// Both outputs need room for `count` elements; count is a multiple of 16.
unsigned select_below(const float* order, unsigned count, float limit, std::uint16_t* slots,
                      float* selected) noexcept;

} // namespace soup::vann
