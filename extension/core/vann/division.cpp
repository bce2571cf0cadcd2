// The first rule compares the distances of nearest neighbours with the step of a code, the second the gap
// between the halves that a bisection makes with the smaller one's radius. Points that fill a line or a plane
// evenly have no gap; points at random in many dimensions have one of 1.4 times the radius at most, since
// there all distances are nearly equal.
#include "core/vann/division.hpp"

#include "core/simd/dispatch.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <span>

namespace soup::vann {
namespace {

constexpr unsigned cluster_min = 8; ///< Points that are worth a leaf of their own.
constexpr float far_away = std::numeric_limits<float>::infinity();

/// What a few of the points see of all others, because all pairs of points are many.
class Views {
public:
    explicit Views(const Points& points) : points_(points), distances_(std::size_t{tried} * points.count) {
        for (unsigned trial = 0; trial < tried; ++trial)
            for (unsigned i = 0; i < points.count; ++i)
                distances_[trial * points.count + i] =
                    simd::kernels().l2_squared(points[seer(trial)], points[i], points.seen);
    }

    // A code's step is f = max|r|/127, its rounding's deviation f/√12 a coordinate, so the squared distance
    // of points d apart is known to within a share of 2f/(√12 d): 5 % where d is twelve steps. Of equal
    // points none is nearer than another.
    bool are_too_wide() const {
        constexpr float steps = 12;
        const std::vector<float> mean = mean_of_side(points_, std::vector<bool>(points_.count), false);
        unsigned wide = 0;
        for (unsigned trial = 0; trial < tried; ++trial) {
            float most = 0, nearest = far_away;
            for (unsigned i = 0; i < points_.seen; ++i)
                most = std::max(most, std::abs(points_[seer(trial)][i] - mean[i]));
            for (const float distance : seen_by(trial))
                if (distance > 0) nearest = std::min(nearest, distance);
            const float limit = steps * most / 127;
            wide += nearest < limit * limit ? 1 : 0;
        }
        return wide > tried / 2;
    }

    /// Saves looking at all pairs. Whether some point sees enough points nearby, enough far away and none
    /// between: no squared distance of a whole bucket, whose upper limit is 1.33 or 1.5 times its lower one.
    bool have_gap() const {
        for (unsigned trial = 0; trial < tried; ++trial) {
            std::array<unsigned, 512> buckets{}; // By exponent and first bit of the fraction.
            for (const float distance : seen_by(trial))
                ++buckets[std::bit_cast<std::uint32_t>(distance) >> 22 & 511];
            unsigned nearer = 0;
            for (const unsigned count : buckets) {
                if (count == 0 && nearer >= cluster_min && points_.count - nearer >= cluster_min) return true;
                nearer += count;
            }
        }
        return false;
    }

private:
    static constexpr unsigned tried = 8;

    unsigned seer(unsigned trial) const noexcept { return points_.count * trial / tried; }
    std::span<const float> seen_by(unsigned trial) const noexcept {
        return std::span(distances_).subspan(std::size_t{trial} * points_.count, points_.count);
    }

    const Points& points_;
    std::vector<float> distances_;
};

/// The least squared distance between points of different sides.
float squared_gap(const Points& points, const std::vector<bool>& is_right) {
    float gap = far_away;
    for (unsigned i = 0; i < points.count; ++i)
        for (unsigned j = 0; j < i; ++j)
            if (is_right[i] != is_right[j])
                gap = std::min(gap, simd::kernels().l2_squared(points[i], points[j], points.seen));
    return gap;
}

/// The mean squared distance of a side's points from their mean.
float squared_radius(const Points& points, const std::vector<bool>& is_right, bool right) {
    const std::vector<float> mean = mean_of_side(points, is_right, right);
    float sum = 0, count = 0;
    for (unsigned i = 0; i < points.count; ++i) {
        if (is_right[i] != right) continue;
        sum += simd::kernels().l2_squared(points[i], mean.data(), points.seen);
        ++count;
    }
    return sum / std::max(count, 1.0F);
}

/// The halves where one is a cluster apart: all of the other is farther from it than twice its radius. Empty:
/// there is none.
std::vector<bool> find_cluster_apart(const Points& points, const Views& views) {
    constexpr float wider = 4; // Twice, squared.
    if (!views.have_gap()) return {};
    std::vector<bool> is_right = bisect(points, cluster_min);
    const float radius =
        std::min(squared_radius(points, is_right, false), squared_radius(points, is_right, true));
    if (!(squared_gap(points, is_right) > wider * radius)) is_right.clear();
    return is_right;
}

std::vector<bool> halves(const Points& points) {
    return bisect(points, points.count / 4);
}

} // namespace

std::vector<bool> divide_leaf(const Points& points) {
    std::vector<bool> is_right = find_cluster_apart(points, Views(points));
    return is_right.empty() ? halves(points) : is_right;
}

std::vector<bool> divide_early(const Points& points) {
    if (points.count < least_divided) return {};
    const Views views(points);
    std::vector<bool> is_right = find_cluster_apart(points, views);
    if (is_right.empty() && views.are_too_wide()) is_right = halves(points);
    return is_right;
}

} // namespace soup::vann
