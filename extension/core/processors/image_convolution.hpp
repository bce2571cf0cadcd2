// The processor image_convolution: a small grey image → vector. What is measured stands in image_model.hpp.
//
// A record is width × height octets, or JSON: an array of that many numbers from 0 to 255, or an object with
// such an array as its field "image"; key, time, position and attributes come from the object's other fields.
#pragma once

#include "core/manifest/manifest.hpp"
#include "core/processors/declared_fields.hpp"
#include "core/processors/image_model.hpp"
#include "core/processors/record_processor.hpp"

namespace soup::processors {

inline constexpr std::string_view image_field = "image";

ImageModelShape image_model_shape(const manifest::Manifest& manifest);
void validate_image_convolution(const manifest::Manifest& manifest);

/// Pixels out of a record, the same for fitting and processing.
class ImageReader {
public:
    ImageReader(const manifest::Manifest& manifest, std::size_t pixels)
        : fields_(manifest), pixel_count_(pixels) {}

    /// Fills pixels() and all of the point but its vector, or says why the record can't be used.
    std::string_view read(const InputRecord& record, Point& point);
    const std::vector<std::uint8_t>& pixels() const { return pixels_; }

private:
    std::string_view read_json(const InputRecord& record, Point& point);
    std::string_view take_pixels(const simdjson::dom::array& array);

    DeclaredFields fields_;
    std::size_t pixel_count_;
    simdjson::dom::parser parser_;
    std::vector<double> numbers_;
    std::vector<std::uint8_t> pixels_;
};

class ImageConvolution final : public RecordProcessor {
public:
    ImageConvolution(const manifest::Manifest& manifest, const ImageModel& model);

private:
    std::string_view make_point(const InputRecord& record, Point& point) override;

    ImageReader reader_;
    ImageFeatures features_;
    Projection projection_;
    std::size_t dimensions_;
    std::vector<float> measured_;
    Coordinates place_;
};

class ImageFitter final : public Fitter {
public:
    explicit ImageFitter(const manifest::Manifest& manifest);

    bool add(std::span<const InputRecord> records) override;
    bool has_used_records() const override { return !pixels_.empty(); }
    std::size_t windows_seen() const override { return pixels_.size() / shape_.pixels(); }
    std::size_t windows_needed() const override { return shape_.fit_images; }
    std::vector<std::byte> artefact() const override;

private:
    ImageModelShape shape_;
    ImageReader reader_;
    std::vector<std::uint8_t> pixels_;
};

} // namespace soup::processors
