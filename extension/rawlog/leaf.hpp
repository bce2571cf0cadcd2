// The leaves of soup.raw_batch: soup_data.r_<org>, ranged by month of receipt into
// soup_data.r_<org>_<yyyymm>.
//
// Leaves are found by name, which the system caches answer in a fraction of a µs and keep true. The launcher
// makes them a month ahead (soup.maintain_raw_leaves); an append that finds none makes it itself, after it
// has taken its partition rows: whoever holds the lock of leaf-making never waits for a partition row, so
// there is no cycle.
#pragma once

#include "boundary/datum.hpp"
#include "core/crypto/uuid.hpp"

#include <compare>
#include <vector>

namespace soup::rawlog {

/// Of UTC, whatever the session's time zone.
struct Month {
    int year, month;
    auto operator<=>(const Month&) const = default;
};
Month month_of(TimestampTz time);

/// The leaf for batches of an org received in this month; made if there is none.
Oid acquire_leaf(const crypto::Uuid& org, const Month& month);

/// All leaves of an org, oldest month first, each locked in AccessShareLock. Offsets of a partition ascend
/// with the months, because times of receipt never fall.
std::vector<Oid> list_leaves(const crypto::Uuid& org);

} // namespace soup::rawlog
