// What a partition's first processor takes over from the epochs before: its streams' carry-over.
#pragma once

#include "bgworkers/lane.hpp"
#include "boundary/spi.hpp"
#include "core/processors/processor.hpp"

namespace soup::workers {

/// For a lane whose cursor is locked and has no state yet, before the processor's first record. False, with
/// nothing taken over, while the lane's version has something left to process in an epoch before.
bool inherit_carry_over(pg::Spi& spi, const LaneKey& key, processors::Processor& processor);

} // namespace soup::workers
