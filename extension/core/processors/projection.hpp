// From a row of features to coordinates along fitted axes: standardise, turn, and say what was left over.
//
// One row at a time, each sum in one fixed order: a matrix product over a batch would be a little faster, but
// the order in which it adds depends on the batch's size and a row's place in it, and points have to be the
// same bytes however records were grouped.
#pragma once

#include <cstddef>
#include <vector>

namespace soup::processors {

/// What fitting gives; part of an artefact.
struct Reduction {
    std::vector<float> mean, factor; ///< Standardised feature = (f − mean) · factor.
    std::vector<float> axes;         ///< [feature][dimension]

    std::size_t features() const { return mean.size(); }
    std::size_t dimensions() const { return axes.size() / mean.size(); }
};

struct Coordinates {
    std::vector<float> values; ///< Padded with zeros beyond the dimensions, to a multiple of padding.
    float left_over = 0;       ///< Squared length of the standardised row that the axes don't hold.
};

class Projection {
public:
    /// Dimensions are computed in blocks of this many.
    static constexpr std::size_t padding = 32;
    static constexpr std::size_t padded(std::size_t dimensions) {
        return (dimensions + padding - 1) / padding * padding;
    }

    explicit Projection(const Reduction& reduction);
    void project(const float* features, Coordinates& to);

private:
    std::vector<float> mean_, factor_;
    std::size_t padded_;
    std::vector<float> axes_; ///< [block of dimensions][feature][lane]
    std::vector<float> standardised_;
};

} // namespace soup::processors
