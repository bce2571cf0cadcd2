// The fit of a version: what it learns once from its first windows, before any record is processed.
#pragma once

#include "bgworkers/lane.hpp"

namespace soup::workers {

enum class FitEnd : std::uint8_t {
    fitted,      ///< The artefact is stored: the version's lanes are work now.
    waiting,     ///< Not enough records yet; soup.fit says when and from where to look again.
    unavailable, ///< Another worker is at it, or it is done, or pauses.
    failed       ///< Recorded; it pauses.
};

/// Reads both lanes of the fit's partition from their first records of use, in offset order, in one
/// transaction that stores the artefact or how far the log reaches.
FitEnd run_fit(const LaneKey& key);

} // namespace soup::workers
