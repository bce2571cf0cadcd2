// The axis is the one along which the halves' margins, summed over all divisions, are least; the division on
// it is the one whose halves overlap least, then have the least volume, then the least margin, then are most
// equal. The order of these is what makes ties safe: equal points give zero overlap and volume everywhere.
//
// Sums are in double. Volumes of 16 sides may leave even double's range: an infinite or absent volume only
// makes a comparison false, and the next measure decides.
#include "core/vtree/division.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace soup::vtree {
namespace {

/// Bounding boxes of the first 1, 2, … entries of an order, or of the last.
class Bounds {
public:
    Bounds(unsigned count, unsigned dimensions)
        : dimensions_(dimensions), sides_(std::size_t{2} * count * dimensions) {}

    float lower(unsigned i, unsigned j) const { return sides_[(2 * i) * dimensions_ + j]; }
    float upper(unsigned i, unsigned j) const { return sides_[(2 * i + 1) * dimensions_ + j]; }

    template<class Iterator>
    void accumulate(const simd::BoxColumns& boxes, Iterator entry, unsigned count) {
        for (unsigned i = 0; i < count; ++i, ++entry)
            for (unsigned j = 0; j < dimensions_; ++j) {
                const std::size_t at = j * boxes.stride + *entry;
                float& low = sides_[(2 * i) * dimensions_ + j];
                float& high = sides_[(2 * i + 1) * dimensions_ + j];
                low = i == 0 ? boxes.lower[at] : std::min(lower(i - 1, j), boxes.lower[at]);
                high = i == 0 ? boxes.upper[at] : std::max(upper(i - 1, j), boxes.upper[at]);
            }
    }

    double side(unsigned i, unsigned j) const { return static_cast<double>(upper(i, j)) - lower(i, j); }
    double margin(unsigned i) const {
        double sum = 0;
        for (unsigned j = 0; j < dimensions_; ++j)
            sum += side(i, j);
        return sum;
    }
    double volume(unsigned i) const {
        double product = 1;
        for (unsigned j = 0; j < dimensions_; ++j)
            product *= side(i, j);
        return product;
    }

private:
    unsigned dimensions_;
    std::vector<float> sides_;
};

double overlap(const Bounds& a, unsigned i, const Bounds& b, unsigned k, unsigned dimensions) {
    double product = 1;
    for (unsigned j = 0; j < dimensions; ++j) {
        const double low = std::max(a.lower(i, j), b.lower(k, j));
        const double high = std::min(a.upper(i, j), b.upper(k, j));
        if (high <= low) return 0;
        product *= high - low;
    }
    return product;
}

class Divider {
public:
    explicit Divider(const simd::BoxColumns& boxes)
        : boxes_(boxes), count_(static_cast<unsigned>(boxes.count)), fewest_(std::max(1U, count_ * 2 / 5)),
          first_(count_, boxes.dimensions), last_(count_, boxes.dimensions), order_(count_) {}

    Division divide() {
        double best = 0;
        unsigned best_axis = 0;
        for (unsigned axis = 0; axis < boxes_.dimensions; ++axis) {
            sort(axis);
            double margins = 0;
            for (unsigned left = fewest_; left <= count_ - fewest_; ++left)
                margins += first_.margin(left - 1) + last_.margin(count_ - left - 1);
            if (axis == 0 || margins < best) {
                best = margins;
                best_axis = axis;
            }
        }
        sort(best_axis);
        return {std::move(order_), best_left()};
    }

private:
    void sort(unsigned axis) {
        const float* lower = boxes_.lower + axis * boxes_.stride;
        const float* upper = boxes_.upper + axis * boxes_.stride;
        std::iota(order_.begin(), order_.end(), std::uint16_t{0});
        std::sort(order_.begin(), order_.end(), [&](std::uint16_t a, std::uint16_t b) {
            if (lower[a] != lower[b]) return lower[a] < lower[b];
            if (upper[a] != upper[b]) return upper[a] < upper[b];
            return a < b;
        });
        first_.accumulate(boxes_, order_.begin(), count_);
        last_.accumulate(boxes_, order_.rbegin(), count_);
    }

    unsigned best_left() const {
        using Measures = std::array<double, 4>;
        Measures best{};
        unsigned best_left = 0;
        for (unsigned left = fewest_; left <= count_ - fewest_; ++left) {
            const unsigned i = left - 1, k = count_ - left - 1;
            const Measures now{
                overlap(first_, i, last_, k, boxes_.dimensions), first_.volume(i) + last_.volume(k),
                first_.margin(i) + last_.margin(k),
                static_cast<double>(left > count_ - left ? 2 * left - count_ : count_ - 2 * left)};
            if (best_left == 0 || now < best) {
                best = now;
                best_left = left;
            }
        }
        return best_left;
    }

    const simd::BoxColumns& boxes_;
    unsigned count_, fewest_;
    Bounds first_, last_;
    std::vector<std::uint16_t> order_;
};

} // namespace

Division divide(const simd::BoxColumns& boxes) {
    return Divider(boxes).divide();
}

} // namespace soup::vtree
