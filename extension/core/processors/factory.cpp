// From a manifest to its processor: the one place that knows them all.
#include "core/processors/image_convolution.hpp"
#include "core/processors/passthrough.hpp"
#include "core/processors/processor.hpp"
#include "core/processors/window_convolution.hpp"

#include "core/error.hpp"

#include <string>

namespace soup::processors {
namespace {

enum class Entry { window_convolution, image_convolution, passthrough, position };

Entry find_entry(const manifest::Manifest& manifest) {
    if (manifest.runtime != manifest::Runtime::builtin)
        throw bad_input("/runtime: must be builtin for a built-in processor");
    if (manifest.entry == "window_convolution") return Entry::window_convolution;
    if (manifest.entry == "image_convolution") return Entry::image_convolution;
    if (manifest.entry == "passthrough") return Entry::passthrough;
    if (manifest.entry == "position") return Entry::position;
    throw bad_input("/entry: no built-in processor \"" + manifest.entry + "\"",
                    "There are window_convolution, image_convolution, passthrough, position.");
}

} // namespace

void validate(const manifest::Manifest& manifest) {
    switch (find_entry(manifest)) {
    case Entry::window_convolution:
        return validate_window_convolution(manifest);
    case Entry::image_convolution:
        return validate_image_convolution(manifest);
    case Entry::passthrough:
        return validate_passthrough(manifest);
    case Entry::position:
        return validate_position(manifest);
    }
}

bool needs_fit(const manifest::Manifest& manifest) {
    const Entry entry = find_entry(manifest);
    return entry == Entry::window_convolution || entry == Entry::image_convolution;
}

std::unique_ptr<Fitter> make_fitter(const manifest::Manifest& manifest) {
    validate(manifest);
    switch (find_entry(manifest)) {
    case Entry::window_convolution:
        return std::make_unique<WindowFitter>(manifest);
    case Entry::image_convolution:
        return std::make_unique<ImageFitter>(manifest);
    default:
        throw bad_input("processor \"" + manifest.entry + "\" needs no fit");
    }
}

std::unique_ptr<Processor> make_processor(const manifest::Manifest& manifest,
                                          std::span<const std::byte> artefact) {
    validate(manifest);
    switch (find_entry(manifest)) {
    case Entry::window_convolution:
        return std::make_unique<WindowConvolution>(
            manifest, WindowModel::decode(artefact, window_model_shape(manifest)));
    case Entry::image_convolution:
        return std::make_unique<ImageConvolution>(manifest,
                                                  ImageModel::decode(artefact, image_model_shape(manifest)));
    case Entry::passthrough:
    case Entry::position:
        break;
    }
    return std::make_unique<Passthrough>(manifest);
}

} // namespace soup::processors
