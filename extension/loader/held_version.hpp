// The guard that a session holds one version of a library: two versions' code over the same state would
// corrupt it.
#pragma once

#include "boundary/boundary.hpp"

namespace soup::loader {

/// Raises 55000 when the session holds `held` (null: none) and another version arrives. The server has not
/// linked the arriving library at that moment, so each later call raises the same; the session stays usable
/// otherwise.
inline void require_same_version(const char* extension, const char* held, const char* arriving) {
    if (held == nullptr || std::strcmp(held, arriving) == 0) return;
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("session holds %s %s, but %s is installed", extension, held, arriving),
            errhint("Reconnect."));
}

} // namespace soup::loader
