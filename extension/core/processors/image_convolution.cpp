// See image_convolution.hpp.
#include "core/processors/image_convolution.hpp"

#include "core/error.hpp"
#include "core/processors/content_type.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace soup::processors {
namespace {

constexpr int side_max = 256;
constexpr int fit_images_max = 10'000;
/// Pixels of all fit images together.
constexpr std::size_t fit_pixels_max = 64 << 20;

void refuse(const std::string& field, const std::string& why) {
    throw bad_input(field + ": " + why);
}

} // namespace

ImageModelShape image_model_shape(const manifest::Manifest& manifest) {
    const auto& parameters = manifest.parameters;
    const std::size_t filters = static_cast<std::size_t>(parameters.features) / features_per_filter;
    return {.width = static_cast<std::size_t>(parameters.width),
            .height = static_cast<std::size_t>(parameters.height),
            .filters = std::min(filters, filters_max),
            .dimensions = static_cast<std::size_t>(manifest.output.vector),
            .fit_images = static_cast<std::size_t>(parameters.first_windows)};
}

void validate_image_convolution(const manifest::Manifest& manifest) {
    const auto& parameters = manifest.parameters;
    const auto check_side = [](const char* field, int side) {
        const int least =
            static_cast<int>(patch_side + grid_side - 1); // A grid cell has at least one response.
        if (side < least || side > side_max)
            refuse(field, "must be from " + std::to_string(least) + " to " + std::to_string(side_max));
    };
    check_side("/parameters/width", parameters.width);
    check_side("/parameters/height", parameters.height);
    if (parameters.features < static_cast<int>(features_per_filter))
        refuse("/parameters/features", "must be at least " + std::to_string(features_per_filter));
    if (parameters.first_windows < 2 || parameters.first_windows > fit_images_max)
        refuse("/parameters/fit/first_windows", "must be from 2 to " + std::to_string(fit_images_max));
    if (manifest.output.vector < 1) refuse("/output/vector", "must be at least 1");

    const ImageModelShape shape = image_model_shape(manifest);
    if (shape.dimensions > std::min(shape.features(), shape.fit_images - 1))
        refuse("/output/vector", "must be less than the fit images and at most the features (" +
                                     std::to_string(shape.features()) + ")");
    if (shape.fit_images > fit_pixels_max / shape.pixels())
        refuse("/parameters/fit/first_windows",
               "first_windows × width × height must be at most " + std::to_string(fit_pixels_max));
    if (ImageModel::encoded_bytes(shape) > artefact_bytes_max)
        refuse("/output/vector", "the fitted artefact would be above 16 MiB");
    if (DeclaredFields(manifest).declares(image_field))
        refuse("/output/attributes", "no declared field can be named \"image\", which is the image's own");
}

std::string_view ImageReader::read(const InputRecord& record, Point& point) {
    switch (record_form(record.content_type)) {
    case RecordForm::json:
        return read_json(record, point);
    case RecordForm::opaque: {
        if (record.bytes.size() != pixel_count_) return reason::wrong_size;
        const auto* first = reinterpret_cast<const std::uint8_t*>(record.bytes.data());
        pixels_.assign(first, first + pixel_count_);
        return fields_.read_without_fields(record, point);
    }
    default:
        return reason::wrong_type;
    }
}

std::string_view ImageReader::read_json(const InputRecord& record, Point& point) {
    const auto value = parse_json(parser_, record);
    if (!value) return reason::bad_record;
    simdjson::dom::object object;
    simdjson::dom::array array;
    const bool is_object = value->get(object) == simdjson::SUCCESS;
    const auto found = is_object ? object.at_key(image_field).get(array) : value->get(array);
    if (found != simdjson::SUCCESS) return reason::bad_record;
    if (const auto reason = take_pixels(array); !reason.empty()) return reason;
    return is_object ? fields_.read(object, record, point) : fields_.read_without_fields(record, point);
}

std::string_view ImageReader::take_pixels(const simdjson::dom::array& array) {
    numbers_.clear();
    if (!read_numbers(array, pixel_count_, numbers_)) return reason::bad_record;
    if (numbers_.size() != pixel_count_) return reason::wrong_size;
    const auto is_pixel = [](double number) { return number >= 0 && number <= pixel_max; };
    if (!std::all_of(numbers_.begin(), numbers_.end(), is_pixel)) return reason::out_of_range;
    pixels_.resize(pixel_count_);
    const auto to_octet = [](double number) { return static_cast<std::uint8_t>(std::lround(number)); };
    std::transform(numbers_.begin(), numbers_.end(), pixels_.begin(), to_octet);
    return {};
}

ImageConvolution::ImageConvolution(const manifest::Manifest& manifest, const ImageModel& model)
    : reader_(manifest, model.shape.pixels()), features_(model.shape, model.filters),
      projection_(model.reduction), dimensions_(model.shape.dimensions), measured_(model.shape.features()) {}

std::string_view ImageConvolution::make_point(const InputRecord& record, Point& point) {
    if (const auto reason = reader_.read(record, point); !reason.empty()) return reason;
    features_.measure(reader_.pixels(), measured_.data());
    projection_.project(measured_.data(), place_);
    point.vector.assign(place_.values.begin(),
                        place_.values.begin() + static_cast<std::ptrdiff_t>(dimensions_));
    return {};
}

ImageFitter::ImageFitter(const manifest::Manifest& manifest)
    : shape_(image_model_shape(manifest)), reader_(manifest, shape_.pixels()) {}

bool ImageFitter::add(std::span<const InputRecord> records) {
    for (const InputRecord& record : records) {
        if (windows_seen() == windows_needed()) break;
        Point unused;
        if (!reader_.read(record, unused).empty()) continue; // Processing will reject it.
        pixels_.insert(pixels_.end(), reader_.pixels().begin(), reader_.pixels().end());
    }
    return windows_seen() == windows_needed();
}

std::vector<std::byte> ImageFitter::artefact() const {
    if (windows_seen() != windows_needed())
        throw Error("55000", "", "not enough images to fit",
                    std::to_string(windows_seen()) + " of " + std::to_string(windows_needed()) +
                        " are there.");
    return fit_image_model(shape_, pixels_).encode();
}

} // namespace soup::processors
