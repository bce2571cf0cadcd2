// What image_convolution measures of an image, and what fitting learns.
//
// Features, after PCANet (Chan et al. 2015) with the pooling of Coates, Lee, Ng (2011):
//   1. filters of 5 × 5 pixels: the leading principal axes of the fit images' patches, each patch less its
//   mean;
//   2. the image, scaled to 0…1, convolved with each (no padding); a response's positive and negative parts
//   are two maps;
//   3. each map averaged over a grid of 4 × 4 cells; the square root of each average, so that a cell with
//      one strong edge doesn't outweigh fifteen others.
// Then each feature is centred, scaled by the standard deviation over the fit images, and the leading
// principal axes of that are the vector. The artefact holds filters and reduction; it is a pure function of
// size and fit images.
#pragma once

#include "core/processors/projection.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace soup::processors {

inline constexpr int pixel_max = 255;
inline constexpr std::size_t patch_side = 5;
inline constexpr std::size_t patch_pixels = patch_side * patch_side;
inline constexpr std::size_t grid_side = 4;
inline constexpr std::size_t features_per_filter = 2 * grid_side * grid_side;
/// A patch less its mean has one dimension less than pixels.
inline constexpr std::size_t filters_max = patch_pixels - 1;

struct ImageModelShape {
    std::size_t width = 0, height = 0, filters = 0, dimensions = 0, fit_images = 0;

    std::size_t pixels() const { return width * height; }
    std::size_t features() const { return filters * features_per_filter; }
};

struct ImageModel {
    ImageModelShape shape;
    std::vector<float> filters; ///< [filter][pixel], each of sum 0 and length 1.
    Reduction reduction;

    std::vector<std::byte> encode() const;
    /// Error XX001 unless the bytes are an artefact of this shape.
    static ImageModel decode(std::span<const std::byte> artefact, const ImageModelShape& expected);
    /// Size of encode()'s result.
    static std::size_t encoded_bytes(const ImageModelShape& shape);
};

class ImageFeatures {
public:
    ImageFeatures(const ImageModelShape& shape, const std::vector<float>& filters);
    /// Writes shape.features() numbers.
    void measure(std::span<const std::uint8_t> pixels, float* features);

private:
    void convolve(const float* filter);
    void pool(float* features);

    ImageModelShape shape_;
    std::vector<float> filters_;
    std::size_t line_, responses_per_line_; ///< Lines are padded to whole vectors.
    std::vector<float> image_, response_;
};

/// `pixels` holds the fit images one after another.
ImageModel fit_image_model(const ImageModelShape& shape, const std::vector<std::uint8_t>& pixels);

} // namespace soup::processors
