// Starts from the axis along which the points vary most, found by a few steps of power iteration, cut in the
// middle; then Lloyd's iterations, each of which puts points in the order of how much nearer they are to the
// right centre than to the left one and cuts where that changes sign, but not too near either end.
// Ties are in the order of the points, so a bisection never depends on chance.
#include "core/vann/bisect.hpp"

#include "core/simd/dispatch.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace soup::vann {
namespace {

constexpr unsigned axis_steps = 4, iterations_max = 8;

void add_scaled(const float* x, float factor, unsigned n, float* sum) noexcept {
    for (unsigned i = 0; i < n; i += 8)
        for (unsigned j = 0; j < 8; ++j)
            sum[i + j] += factor * x[i + j];
}

class Bisection {
public:
    Bisection(const Points& points, unsigned least)
        : points_(points), least_(least), order_(points.count), keys_(points.count), axis_(points.seen) {}

    std::vector<bool> run() {
        find_axis();
        cut();
        for (unsigned i = 0; i < iterations_max; ++i) {
            const std::vector<bool> before = is_right_;
            put_axis_between_centres();
            cut();
            if (is_right_ == before) break;
        }
        return std::move(is_right_);
    }

private:
    float dot(const float* a, const float* b) const noexcept {
        return simd::kernels().inner_product(a, b, points_.seen);
    }

    void find_axis() {
        const unsigned n = points_.count;
        std::vector<float> mean(points_.seen);
        for (unsigned i = 0; i < n; ++i)
            add_scaled(points_[i], 1 / static_cast<float>(n), points_.seen, mean.data());
        unsigned farthest = 0;
        float most = -1;
        for (unsigned i = 0; i < n; ++i) {
            const float distance = simd::kernels().l2_squared(points_[i], mean.data(), points_.seen);
            if (distance > most) {
                most = distance;
                farthest = i;
            }
        }
        std::copy_n(points_[farthest], points_.seen, axis_.begin());
        add_scaled(mean.data(), -1, points_.seen, axis_.data());
        for (unsigned step = 0; step < axis_steps; ++step) {
            const float length = std::sqrt(dot(axis_.data(), axis_.data()));
            if (!(length > 0)) break;
            for (float& x : axis_)
                x /= length;
            std::vector<float> next(points_.seen);
            const float at_mean = dot(mean.data(), axis_.data());
            float weights = 0;
            for (unsigned i = 0; i < n; ++i) {
                const float weight = dot(points_[i], axis_.data()) - at_mean;
                add_scaled(points_[i], weight, points_.seen, next.data());
                weights += weight;
            }
            add_scaled(mean.data(), -weights, points_.seen, next.data());
            axis_.swap(next);
        }
        border_ = dot(mean.data(), axis_.data());
    }

    void put_axis_between_centres() {
        const std::vector<float> left = mean_of_side(points_, is_right_, false);
        const std::vector<float> right = mean_of_side(points_, is_right_, true);
        for (unsigned i = 0; i < points_.seen; ++i)
            axis_[i] = right[i] - left[i];
        border_ = (dot(right.data(), axis_.data()) + dot(left.data(), axis_.data())) / 2;
    }

    void cut() {
        const unsigned n = points_.count;
        for (unsigned i = 0; i < n; ++i) {
            const float key = dot(points_[i], axis_.data()) - border_;
            keys_[i] = std::isfinite(key) ? key : 0; // So that sorting has an order to go by.
        }
        std::iota(order_.begin(), order_.end(), 0U);
        std::stable_sort(order_.begin(), order_.end(),
                         [&](unsigned a, unsigned b) { return keys_[a] < keys_[b]; });
        auto lower = static_cast<unsigned>(
            std::count_if(keys_.begin(), keys_.end(), [](float key) { return key < 0; }));
        if (keys_[order_.front()] == keys_[order_.back()]) lower = n / 2;
        lower = std::clamp(lower, least_, n - least_);
        is_right_.assign(n, false);
        for (unsigned i = lower; i < n; ++i)
            is_right_[order_[i]] = true;
    }

    const Points& points_;
    unsigned least_;
    std::vector<unsigned> order_;
    std::vector<float> keys_, axis_;
    float border_ = 0;
    std::vector<bool> is_right_;
};

} // namespace

std::vector<bool> bisect(const Points& points, unsigned least) {
    return Bisection(points, std::clamp(least, 1U, points.count / 2)).run();
}

std::vector<float> mean_of_side(const Points& points, const std::vector<bool>& is_right, bool right) {
    std::vector<float> sum(points.seen);
    float count = 0;
    for (unsigned i = 0; i < points.count; ++i)
        if (is_right[i] == right) {
            add_scaled(points[i], 1, points.seen, sum.data());
            ++count;
        }
    for (float& x : sum)
        x /= std::max(count, 1.0F);
    return sum;
}

} // namespace soup::vann
