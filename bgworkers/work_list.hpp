// What there is to do, for all versions at once: the one place where a worker looks beyond a single version.
#pragma once

#include "bgworkers/lane.hpp"

#include <vector>

namespace soup::workers {

/// Lanes that a worker could serve now, the one that has waited longest first (live lanes of default versions
/// count as waiting longer). Runs a transaction of its own under the launcher's scope, which reaches no raw
/// data and no points.
std::vector<LaneKey> find_work();

/// The version of the extension that the catalogue names; empty if it has gone. A transaction of its own.
std::string installed_version();

} // namespace soup::workers
