// The columns of soup.partition, for those who read the row past the executor.
#pragma once

#include "boundary/datum.hpp"

namespace soup::rawlog {

struct PartitionColumn {
    enum : AttrNumber {
        org = 1,
        model,
        partition,
        epoch,
        next_offset,
        default_version,
        last_received_at,
        sealed
    };
};

} // namespace soup::rawlog
