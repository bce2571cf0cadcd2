// Manifests: any text parses into a manifest within its limits or is refused.
#include "core/error.hpp"
#include "core/manifest/manifest.hpp"

#include <cstdlib>

using namespace soup::manifest;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const Manifest manifest = parse_manifest({reinterpret_cast<const char*>(data), size});
        const bool has_output =
            manifest.output.vector > 0 || manifest.output.position.kind != PositionKind::none;
        const bool is_bounded = manifest.output.vector <= vector_dimensions_max &&
                                manifest.output.attributes.size() <= attributes_max &&
                                manifest.input.channels.size() <= channels_max &&
                                manifest.parameters.stride <= manifest.parameters.window;
        if (!has_output || !is_bounded || manifest.entry.empty()) std::abort();
    } catch (const soup::Error&) { // refused
    }
    return 0;
}
