// What every file of this room reaches of the loader.
#pragma once

#include "loader/machinesoup_loader.hpp"

namespace soup::access {

/// The loader this session is attached to; throws 55000 where the server has not preloaded it.
const loader::PlatformLoader& attached_loader();

} // namespace soup::access
