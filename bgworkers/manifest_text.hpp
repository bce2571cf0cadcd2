// A manifest with everything said that its author left to defaults.
#pragma once

#include "core/manifest/manifest.hpp"

#include <string>

namespace soup::workers {

/// JSON which parse_manifest reads back as the same manifest, today and after a default has changed. What a
/// version stores.
std::string write_manifest(const manifest::Manifest& manifest);

} // namespace soup::workers
