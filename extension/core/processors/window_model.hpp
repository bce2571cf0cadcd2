// What fitting a window_convolution learns, and its two uses: a window's coordinates and its anomaly score.
//
// Learnt from the fit windows, in this order:
//   1. each channel's mean and standard deviation: cells are standardised, then held within ±1e6;
//   2. the bank's biases: quantiles of each kernel's outputs over (at most 64 of) the fit windows;
//   3. each feature's mean and standard deviation. The features are two blocks, counts and levels; the levels
//   are
//      weighted so that both blocks vary equally along their leading axes (multiple factor analysis), else
//      840 counts would drown out two levels;
//   4. the leading principal axes: the coordinates are the point's vector;
//   5. reference windows: the coordinates of (at most 1,024, evenly chosen) fit windows.
// A window's score (neighbour_score.hpp) is given in units of the fit windows' own median, each judged by
// references that share no row with it: 1 is ordinary.
//
// The artefact is this, encoded (encode/decode below): magic, format version, shape, then the arrays in the
// order above, little-endian, each led by its length. It is a pure function of shape and fit windows.
#pragma once

#include "core/processors/projection.hpp"
#include "core/processors/window_assembler.hpp"
#include "core/processors/window_features.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace soup::processors {

inline constexpr std::size_t references_max = 1024;
/// Standardised cells are held within these bounds so that no sum of them overflows.
inline constexpr double cell_limit = 1e6;

struct WindowModelShape {
    WindowShape windows;
    std::size_t bank_features = 0; ///< Multiple of 84.
    std::size_t dimensions = 0;    ///< Of the vector.
    std::size_t fit_windows = 0;
    friend bool operator==(const WindowModelShape&, const WindowModelShape&) = default;

    std::size_t features() const { return bank_features + features_per_channel * windows.channels; }
    std::size_t references() const { return fit_windows < references_max ? fit_windows : references_max; }
};

struct WindowModel {
    WindowModelShape shape;
    std::vector<double> channel_mean, channel_scale;
    std::vector<float> biases;
    Reduction reduction;
    std::vector<float> references; ///< [window][dimension]
    float score_unit = 1;

    std::vector<std::byte> encode() const;
    /// Error XX001 unless the bytes are an artefact of this shape.
    static WindowModel decode(std::span<const std::byte> artefact, const WindowModelShape& expected);
    /// Size of encode()'s result.
    static std::size_t encoded_bytes(const WindowModelShape& shape);
};

/// A cell as the model sees it.
float standardise(double value, double mean, double scale);

} // namespace soup::processors
