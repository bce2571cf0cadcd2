// The kernels of vtree: a page of points or boxes scored at once.
//
// Points and boxes lie in columns, one per dimension, `stride` elements apart. A kernel reads whole
// registers: up to 15 elements past `count` in each column must be readable, whatever they are. Masks have
// one bit per slot, the bits from `count` on are 0, and (count + 63) / 64 words are written. Results arrays
// have room for `count` rounded up to 16.
//
// What decides on an answer is done element by element, in order of the dimensions, without fusing, and so is
// the same on every instruction set: points_in_box, points_in_ball, boxes_meet_box, box_gaps. The distances
// may differ in the last bits; whoever uses them leaves a margin (core/vtree/margin.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

namespace soup::simd {

struct PointColumns {
    const float* first;
    std::size_t stride, count;
    unsigned dimensions;
};

struct BoxColumns {
    const float *lower, *upper;
    std::size_t stride, count;
    unsigned dimensions;
};

struct ColumnRange {
    float least, greatest;
};

struct BoxKernels {
    /// Borders included.
    void (*points_in_box)(const PointColumns& points, const float* lower, const float* upper,
                          std::uint64_t* inside) noexcept;
    /// In double: Σ (point - centre)² <= radius_squared.
    void (*points_in_ball)(const PointColumns& points, const float* centre, double radius_squared,
                           std::uint64_t* inside) noexcept;
    void (*point_distances)(const PointColumns& points, const float* from, float* squared) noexcept;
    /// `meet`: shares a point with the given box; `within`: lies inside it.
    void (*boxes_meet_box)(const BoxColumns& boxes, const float* lower, const float* upper,
                           std::uint64_t* meet, std::uint64_t* within) noexcept;
    /// To the nearest and to the farthest point of each box.
    void (*box_distances)(const BoxColumns& boxes, const float* from, float* nearest_squared,
                          float* farthest_squared) noexcept;
    /// By how much the point lies outside each box, summed over the dimensions; 0 only if the box has it.
    void (*box_gaps)(const BoxColumns& boxes, const float* point, float* gaps) noexcept;
    void (*values_from)(const float* column, std::size_t count, float least, std::uint64_t* reached) noexcept;
    /// Of a mask that has been written for so many slots.
    std::size_t (*count_bits)(const std::uint64_t* mask, std::size_t count) noexcept;
    /// The least and the greatest of a column; count > 0, no NaN.
    ColumnRange (*column_range)(const float* column, std::size_t count) noexcept;
    /// Where the least value is, the first of equals. The values up to the next multiple of 16 count too, so
    /// the caller fills those with infinity. count > 0, no NaN.
    std::size_t (*least)(const float* values, std::size_t count) noexcept;
};

} // namespace soup::simd
