// The kernels of vtree, for one instruction set; included by kernels.inl, whose rules hold here too.
#pragma once

#include "core/simd/boxes.hpp"

namespace soup::simd {
namespace {

// What a register of one lane lacks.
template<class T>
bool operator<=(OneLane<T> a, OneLane<T> b) noexcept {
    return a.lane <= b.lane;
}
template<class T>
OneLane<T> lesser(OneLane<T> a, OneLane<T> b) noexcept {
    return a.lane < b.lane ? a : b;
}
template<class T>
OneLane<T> greater(OneLane<T> a, OneLane<T> b) noexcept {
    return a.lane > b.lane ? a : b;
}
template<class T, class Arch>
xsimd::batch<T, Arch> lesser(const xsimd::batch<T, Arch>& a, const xsimd::batch<T, Arch>& b) noexcept {
    return xsimd::min(a, b);
}
template<class T, class Arch>
xsimd::batch<T, Arch> greater(const xsimd::batch<T, Arch>& a, const xsimd::batch<T, Arch>& b) noexcept {
    return xsimd::max(a, b);
}

// A comparison's result as bits; xsimd has it from release 9 on only.
inline std::uint64_t lane_bits(bool lane) noexcept {
    return lane ? 1 : 0;
}
inline std::uint64_t register_bits(__m128 lanes) noexcept {
    return static_cast<unsigned>(_mm_movemask_ps(lanes));
}
inline std::uint64_t register_bits(__m128d lanes) noexcept {
    return static_cast<unsigned>(_mm_movemask_pd(lanes));
}
#ifdef __AVX__
inline std::uint64_t register_bits(__m256 lanes) noexcept {
    return static_cast<unsigned>(_mm256_movemask_ps(lanes));
}
inline std::uint64_t register_bits(__m256d lanes) noexcept {
    return static_cast<unsigned>(_mm256_movemask_pd(lanes));
}
#endif
#ifdef __AVX512F__
inline std::uint64_t register_bits(__mmask16 lanes) noexcept {
    return lanes;
}
inline std::uint64_t register_bits(__mmask8 lanes) noexcept {
    return lanes;
}
#endif
template<class T, class Arch>
std::uint64_t lane_bits(const xsimd::batch_bool<T, Arch>& lanes) noexcept {
    return register_bits(lanes.data);
}

/// Calls word(first, last slot) for every 64 slots, and cuts off the bits past the end.
template<class Word>
void mask_by_words(std::size_t count, std::uint64_t* mask, Word&& word) noexcept {
    for (std::size_t first = 0; first < count; first += 64) {
        const std::size_t last = first + 64 < count ? first + 64 : count;
        const std::uint64_t valid =
            last - first == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << (last - first)) - 1;
        mask[first / 64] = word(first, last) & valid;
    }
}

template<class Arch>
void points_in_box(const PointColumns& points, const float* lower, const float* upper,
                   std::uint64_t* inside) noexcept {
    using R = Register<float, Arch>;
    mask_by_words(points.count, inside, [&](std::size_t first, std::size_t last) noexcept {
        std::uint64_t word = 0;
        for (std::size_t i = first; i < last; i += R::size) {
            const float* at = points.first + i;
            R value = R::load_unaligned(at);
            auto in = (R(lower[0]) <= value) & (value <= R(upper[0]));
            for (unsigned j = 1; j < points.dimensions; ++j) {
                at += points.stride;
                value = R::load_unaligned(at);
                in = in & (R(lower[j]) <= value) & (value <= R(upper[j]));
            }
            word |= lane_bits(in) << (i - first);
        }
        return word;
    });
}

template<class Arch>
void values_from(const float* column, std::size_t count, float least, std::uint64_t* reached) noexcept {
    using R = Register<float, Arch>;
    mask_by_words(count, reached, [&](std::size_t first, std::size_t last) noexcept {
        std::uint64_t word = 0;
        for (std::size_t i = first; i < last; i += R::size)
            word |= lane_bits(R(least) <= R::load_unaligned(column + i)) << (i - first);
        return word;
    });
}

template<class Arch>
void points_in_ball(const PointColumns& points, const float* centre, double radius_squared,
                    std::uint64_t* inside) noexcept {
    using R = Register<double, Arch>;
    mask_by_words(points.count, inside, [&](std::size_t first, std::size_t last) noexcept {
        std::uint64_t word = 0;
        for (std::size_t i = first; i < last; i += R::size) {
            R sum(0.0);
            const float* at = points.first + i;
            for (unsigned j = 0; j < points.dimensions; ++j, at += points.stride) {
                const R difference = widened<R>(at) - R(static_cast<double>(centre[j]));
                sum = sum + difference * difference; // Never fused: -ffp-contract=off.
            }
            word |= lane_bits(sum <= R(radius_squared)) << (i - first);
        }
        return word;
    });
}

template<class Arch>
void point_distances(const PointColumns& points, const float* from, float* squared) noexcept {
    using R = Register<float, Arch>;
    for (std::size_t i = 0; i < points.count; i += R::size) {
        R sum(0.0f);
        const float* at = points.first + i;
        for (unsigned j = 0; j < points.dimensions; ++j, at += points.stride) {
            const R difference = R::load_unaligned(at) - R(from[j]);
            sum = fma(difference, difference, sum);
        }
        sum.store_unaligned(squared + i);
    }
}

template<class Arch>
void boxes_meet_box(const BoxColumns& boxes, const float* lower, const float* upper, std::uint64_t* meet,
                    std::uint64_t* within) noexcept {
    using R = Register<float, Arch>;
    mask_by_words(boxes.count, meet, [&](std::size_t first, std::size_t last) noexcept {
        std::uint64_t word = 0;
        for (std::size_t i = first; i < last; i += R::size) {
            auto in = (R::load_unaligned(boxes.lower + i) <= R(upper[0])) &
                      (R(lower[0]) <= R::load_unaligned(boxes.upper + i));
            for (unsigned j = 1; j < boxes.dimensions; ++j) {
                const std::size_t at = j * boxes.stride + i;
                in = in & (R::load_unaligned(boxes.lower + at) <= R(upper[j])) &
                     (R(lower[j]) <= R::load_unaligned(boxes.upper + at));
            }
            word |= lane_bits(in) << (i - first);
        }
        return word;
    });
    mask_by_words(boxes.count, within, [&](std::size_t first, std::size_t last) noexcept {
        std::uint64_t word = 0;
        for (std::size_t i = first; i < last; i += R::size) {
            auto in = (R(lower[0]) <= R::load_unaligned(boxes.lower + i)) &
                      (R::load_unaligned(boxes.upper + i) <= R(upper[0]));
            for (unsigned j = 1; j < boxes.dimensions; ++j) {
                const std::size_t at = j * boxes.stride + i;
                in = in & (R(lower[j]) <= R::load_unaligned(boxes.lower + at)) &
                     (R::load_unaligned(boxes.upper + at) <= R(upper[j]));
            }
            word |= lane_bits(in) << (i - first);
        }
        return word;
    });
}

template<class Arch>
void box_distances(const BoxColumns& boxes, const float* from, float* nearest_squared,
                   float* farthest_squared) noexcept {
    using R = Register<float, Arch>;
    for (std::size_t i = 0; i < boxes.count; i += R::size) {
        R near_sum(0.0f), far_sum(0.0f);
        for (unsigned j = 0; j < boxes.dimensions; ++j) {
            const std::size_t at = j * boxes.stride + i;
            const R below = R::load_unaligned(boxes.lower + at) - R(from[j]); // > 0: the box lies above.
            const R above = R(from[j]) - R::load_unaligned(boxes.upper + at);
            const R gap = greater(greater(below, above), R(0.0f));
            const R reach = greater(R(0.0f) - below, R(0.0f) - above);
            near_sum = fma(gap, gap, near_sum);
            far_sum = fma(reach, reach, far_sum);
        }
        near_sum.store_unaligned(nearest_squared + i);
        far_sum.store_unaligned(farthest_squared + i);
    }
}

template<class Arch>
void box_gaps(const BoxColumns& boxes, const float* point, float* gaps) noexcept {
    using R = Register<float, Arch>;
    for (std::size_t i = 0; i < boxes.count; i += R::size) {
        R sum(0.0f);
        for (unsigned j = 0; j < boxes.dimensions; ++j) {
            const std::size_t at = j * boxes.stride + i;
            const R below = R::load_unaligned(boxes.lower + at) - R(point[j]);
            const R above = R(point[j]) - R::load_unaligned(boxes.upper + at);
            sum = sum + greater(greater(below, above), R(0.0f));
        }
        sum.store_unaligned(gaps + i);
    }
}

inline std::size_t count_bits(const std::uint64_t* mask, std::size_t count) noexcept {
    std::size_t bits = 0;
    for (std::size_t first = 0; first < count; first += 64)
        bits += static_cast<unsigned>(__builtin_popcountll(mask[first / 64]));
    return bits;
}

/// By registers from the first to the one that ends at the last value.
template<class R>
ColumnRange range_of(const float* column, std::size_t count) noexcept {
    R low = R::load_unaligned(column), high = low;
    for (std::size_t i = R::size; i < count; i += R::size) {
        const R values = R::load_unaligned(column + (i + R::size < count ? i : count - R::size));
        low = lesser(low, values);
        high = greater(high, values);
    }
    float lows[R::size], highs[R::size];
    low.store_unaligned(lows);
    high.store_unaligned(highs);
    ColumnRange range{lows[0], highs[0]};
    for (std::size_t lane = 1; lane < R::size; ++lane) {
        range.least = lows[lane] < range.least ? lows[lane] : range.least;
        range.greatest = highs[lane] > range.greatest ? highs[lane] : range.greatest;
    }
    return range;
}

template<class Arch>
ColumnRange column_range(const float* column, std::size_t count) noexcept {
    using R = Register<float, Arch>;
    return count < R::size ? range_of<OneLane<float>>(column, count) : range_of<R>(column, count);
}

template<class Arch>
std::size_t least(const float* values, std::size_t count) noexcept {
    using R = Register<float, Arch>;
    R lowest = R::load_unaligned(values);
    for (std::size_t i = R::size; i < count; i += R::size)
        lowest = lesser(lowest, R::load_unaligned(values + i));
    float lanes[R::size];
    lowest.store_unaligned(lanes);
    float best = lanes[0];
    for (const float lane : lanes)
        best = lane < best ? lane : best;
    for (std::size_t i = 0;; i += R::size)
        if (const std::uint64_t bits = lane_bits(R::load_unaligned(values + i) == R(best)))
            return i + static_cast<unsigned>(__builtin_ctzll(bits));
}

template<class Arch>
constexpr BoxKernels box_kernels_for{
    .points_in_box = points_in_box<Arch>,
    .points_in_ball = points_in_ball<Arch>,
    .point_distances = point_distances<Arch>,
    .boxes_meet_box = boxes_meet_box<Arch>,
    .box_distances = box_distances<Arch>,
    .box_gaps = box_gaps<Arch>,
    .values_from = values_from<Arch>,
    .count_bits = count_bits,
    .column_range = column_range<Arch>,
    .least = least<Arch>,
};

} // namespace
} // namespace soup::simd
