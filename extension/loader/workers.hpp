// The background processes' entry points. They live in the loader because the server starts them by library
// and function name, which must not change with the version.
#pragma once

#include "loader/machinesoup_loader.hpp"

namespace soup::loader {

/// Registers the launcher with the server that is starting.
void register_launcher();

/// What the session's library registered, or null.
const PlatformLibrary* registered_library();

} // namespace soup::loader
