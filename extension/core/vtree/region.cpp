// Boxes are compared exactly. A ball is decided in double on points; on boxes by float distances with a
// margin, which costs at most a page that has nothing, or points tested that need not be.
#include "core/vtree/region.hpp"

#include "core/simd/dispatch.hpp"
#include "core/vtree/margin.hpp"

#include <algorithm>

namespace soup::vtree {
namespace {

void set_all(std::uint64_t* mask, std::size_t count, bool value) noexcept {
    for (std::size_t first = 0; first < count; first += 64) {
        const std::size_t left = count - first;
        const std::uint64_t valid = left >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
        mask[first / 64] = value ? valid : 0;
    }
}

void keep_common(std::uint64_t* mask, const std::uint64_t* other, std::size_t count) noexcept {
    for (std::size_t word = 0; word < (count + 63) / 64; ++word)
        mask[word] &= other[word];
}

} // namespace

double squared_distance(const float* a, const float* b, unsigned dimensions) noexcept {
    double sum = 0;
    for (unsigned j = 0; j < dimensions; ++j) {
        float x, y; // Neither needs to be aligned.
        std::memcpy(&x, a + j, sizeof x);
        std::memcpy(&y, b + j, sizeof y);
        const double difference = static_cast<double>(x) - static_cast<double>(y);
        sum = sum + difference * difference;
    }
    return sum;
}

void Region::keep_box(const float* lower, const float* upper) {
    if (lower_.empty()) {
        lower_.assign(lower, lower + dimensions_);
        upper_.assign(upper, upper + dimensions_);
        return;
    }
    for (unsigned j = 0; j < dimensions_; ++j) {
        lower_[j] = std::max(lower_[j], lower[j]);
        upper_[j] = std::min(upper_[j], upper[j]);
        is_nothing_ |= lower_[j] > upper_[j];
    }
}

void Region::keep_ball(const float* centre, double radius) {
    balls_.push_back({{centre, centre + dimensions_}, radius * radius});
}

void Region::find_points(const simd::PointColumns& points, std::uint64_t* inside) const noexcept {
    const simd::BoxKernels& kernels = simd::kernels().boxes;
    if (is_nothing_ || lower_.empty())
        set_all(inside, points.count, !is_nothing_);
    else
        kernels.points_in_box(points, lower_.data(), upper_.data(), inside);
    for (const Ball& ball : balls_) {
        Mask in_ball;
        kernels.points_in_ball(points, ball.centre.data(), ball.radius_squared, in_ball);
        keep_common(inside, in_ball, points.count);
    }
}

void Region::find_boxes(const simd::BoxColumns& boxes, std::uint64_t* meet,
                        std::uint64_t* within) const noexcept {
    const simd::BoxKernels& kernels = simd::kernels().boxes;
    if (is_nothing_ || lower_.empty()) {
        set_all(meet, boxes.count, !is_nothing_);
        set_all(within, boxes.count, !is_nothing_);
    } else {
        kernels.boxes_meet_box(boxes, lower_.data(), upper_.data(), meet, within);
    }
    for (const Ball& ball : balls_) {
        float nearest[max_entries], farthest[max_entries];
        kernels.box_distances(boxes, ball.centre.data(), nearest, farthest);
        for (std::size_t i = 0; i < boxes.count; ++i) {
            const std::uint64_t bit = std::uint64_t{1} << (i % 64);
            if (static_cast<double>(at_least(nearest[i])) > ball.radius_squared) meet[i / 64] &= ~bit;
            if (!(static_cast<double>(at_most(farthest[i])) <= ball.radius_squared)) within[i / 64] &= ~bit;
        }
    }
    keep_common(within, meet, boxes.count);
}

} // namespace soup::vtree
