// See image_model.hpp.
#include "core/processors/image_model.hpp"

#include "core/processors/byte_stream.hpp"
#include "core/processors/lanes.hpp"
#include "core/processors/principal_axes.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace soup::processors {
namespace {

constexpr std::array<char, 8> image_model_magic = {'s', 'o', 'u', 'p', 'i', 'c', 'n', 'v'};
/// Changes whenever the bytes or their meaning do; older artefacts are then refused, never misread.
constexpr std::uint32_t image_model_version = 1;
/// Patches that the filters are learnt from.
constexpr std::size_t patches_max = 50'000;
/// Nothing less is a difference between images.
constexpr double least_deviation = 1e-4;

template<typename Number>
std::array<std::uint64_t, 5> shape_numbers(const Number& shape) {
    return {shape.width, shape.height, shape.filters, shape.dimensions, shape.fit_images};
}

/// Patches, each less its mean, at places spread evenly over all places of all fit images.
Eigen::MatrixXd spread_patches(const ImageModelShape& shape, const std::vector<std::uint8_t>& pixels) {
    const std::size_t across = shape.width - patch_side + 1, down = shape.height - patch_side + 1;
    const std::size_t places = across * down * shape.fit_images, chosen = std::min(places, patches_max);
    Eigen::MatrixXd patches(static_cast<Eigen::Index>(chosen), static_cast<Eigen::Index>(patch_pixels));
    for (std::size_t i = 0; i < chosen; i++) {
        const std::size_t place = i * places / chosen;
        const std::size_t image = place / (across * down), y = place / across % down, x = place % across;
        auto patch = patches.row(static_cast<Eigen::Index>(i));
        for (std::size_t p = 0; p < patch_pixels; p++)
            patch[static_cast<Eigen::Index>(p)] =
                pixels[image * shape.pixels() + (y + p / patch_side) * shape.width + x + p % patch_side];
        patch.array() -= patch.mean();
    }
    return patches;
}

} // namespace

std::vector<std::byte> ImageModel::encode() const {
    ByteWriter writer;
    for (const char letter : image_model_magic)
        writer.number(letter);
    writer.number(image_model_version);
    for (const std::uint64_t number : shape_numbers(shape))
        writer.number(number);
    for (const auto* values : {&filters, &reduction.mean, &reduction.factor, &reduction.axes})
        writer.numbers(std::span<const float>(*values));
    return std::move(writer).take();
}

ImageModel ImageModel::decode(std::span<const std::byte> artefact, const ImageModelShape& expected) {
    ByteReader reader(artefact, "artefact");
    for (const char letter : image_model_magic)
        reader.expect(letter);
    reader.expect(image_model_version);
    for (const std::uint64_t number : shape_numbers(expected))
        reader.expect(number);
    ImageModel model;
    model.shape = expected;
    model.filters = reader.finite_numbers<float>(expected.filters * patch_pixels);
    model.reduction.mean = reader.finite_numbers<float>(expected.features());
    model.reduction.factor = reader.finite_numbers<float>(expected.features());
    model.reduction.axes = reader.finite_numbers<float>(expected.features() * expected.dimensions);
    reader.expect_end();
    return model;
}

std::size_t ImageModel::encoded_bytes(const ImageModelShape& shape) {
    const std::size_t arrays = 4;
    const std::size_t floats =
        shape.filters * patch_pixels + 2 * shape.features() + shape.features() * shape.dimensions;
    return image_model_magic.size() + sizeof image_model_version + (5 + arrays) * sizeof(std::uint64_t) +
           floats * sizeof(float);
}

ImageFeatures::ImageFeatures(const ImageModelShape& shape, const std::vector<float>& filters)
    : shape_(shape), filters_(filters), responses_per_line_(shape.width - patch_side + 1) {
    line_ = (responses_per_line_ + lane_count - 1) / lane_count * lane_count + patch_side - 1;
    image_.assign(line_ * shape.height, 0.0F);
    response_.resize(line_ * (shape.height - patch_side + 1));
}

void ImageFeatures::convolve(const float* filter) {
    for (std::size_t y = 0; y + patch_side <= shape_.height; y++)
        for (std::size_t x = 0; x < responses_per_line_; x += lane_count) {
            const float* from = image_.data() + y * line_ + x;
            Lanes sum = {};
            for (std::size_t dy = 0; dy < patch_side; dy++)
                for (std::size_t dx = 0; dx < patch_side; dx++)
                    sum += spread(filter[dy * patch_side + dx]) * load(from + dy * line_ + dx);
            store(response_.data() + y * line_ + x, sum);
        }
}

/// Writes features_per_filter numbers: the positive part's cells, then the negative part's.
void ImageFeatures::pool(float* features) {
    const std::size_t across = responses_per_line_, down = shape_.height - patch_side + 1;
    for (std::size_t cell = 0; cell < grid_side * grid_side; cell++) {
        const std::size_t row = cell / grid_side, column = cell % grid_side;
        const std::size_t top = row * down / grid_side, bottom = (row + 1) * down / grid_side;
        const std::size_t left = column * across / grid_side, right = (column + 1) * across / grid_side;
        float positive = 0, negative = 0;
        for (std::size_t y = top; y < bottom; y++)
            for (std::size_t x = left; x < right; x++) {
                const float response = response_[y * line_ + x];
                positive += std::max(response, 0.0F);
                negative += std::max(-response, 0.0F);
            }
        const auto count = static_cast<float>((bottom - top) * (right - left));
        features[cell] = std::sqrt(positive / count);
        features[grid_side * grid_side + cell] = std::sqrt(negative / count);
    }
}

void ImageFeatures::measure(std::span<const std::uint8_t> pixels, float* features) {
    for (std::size_t y = 0; y < shape_.height; y++)
        for (std::size_t x = 0; x < shape_.width; x++)
            image_[y * line_ + x] = static_cast<float>(pixels[y * shape_.width + x]) / pixel_max;
    for (std::size_t f = 0; f < shape_.filters; f++) {
        convolve(filters_.data() + f * patch_pixels);
        pool(features + f * features_per_filter);
    }
}

ImageModel fit_image_model(const ImageModelShape& shape, const std::vector<std::uint8_t>& pixels) {
    ImageModel model;
    model.shape = shape;
    const auto filters =
        principal_axes(spread_patches(shape, pixels), static_cast<Eigen::Index>(shape.filters)).axes;
    for (Eigen::Index f = 0; f < filters.cols(); f++)
        for (Eigen::Index p = 0; p < filters.rows(); p++)
            model.filters.push_back(static_cast<float>(filters(p, f)));

    ImageFeatures measure(shape, model.filters);
    Eigen::MatrixXd samples(static_cast<Eigen::Index>(shape.fit_images),
                            static_cast<Eigen::Index>(shape.features()));
    std::vector<float> features(shape.features());
    for (std::size_t i = 0; i < shape.fit_images; i++) {
        measure.measure(std::span(pixels).subspan(i * shape.pixels(), shape.pixels()), features.data());
        for (std::size_t f = 0; f < features.size(); f++)
            samples(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(f)) =
                static_cast<double>(features[f]);
    }
    standardise_columns(samples, least_deviation, model.reduction);
    add_axes(samples, shape.dimensions, model.reduction);
    return model;
}

} // namespace soup::processors
