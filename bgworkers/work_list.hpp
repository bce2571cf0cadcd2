// What there is to do, for all versions at once: the one place where a worker looks beyond a single version.
#pragma once

#include "bgworkers/lane.hpp"

#include <vector>

namespace soup::workers {

/// Lanes that a worker could serve now, the one that has waited longest first (live lanes of default versions
/// count as waiting longer). Runs a transaction of its own under the launcher's scope, which reaches no raw
/// data and no points.
std::vector<LaneKey> find_work();

/// Whether an extension has gone or another version is installed, of machinesoup than this code's or of
/// soupvec than when this was first asked: then this process cannot go on, for what it looks up anew is the
/// other version's code. Asked first when the process begins. A transaction of its own; never throws.
bool is_outdated();

} // namespace soup::workers
