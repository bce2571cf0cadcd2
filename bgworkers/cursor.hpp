// The cursor row of a lane: claim, attempts, and how it moves.
//
// The row lock is the claim, held for one slice and given back by commit or abort, however the process ends.
// Nothing here runs a transaction of its own but begin_attempt(); all else belongs to the slice's.
#pragma once

#include "bgworkers/lane.hpp"
#include "boundary/spi.hpp"

#include <optional>
#include <vector>

namespace soup::workers {

struct Claim {
    std::int64_t next_offset = 0;
    int attempts = 0;
    int failures = 0;
    std::int64_t careful_until = 0;
    bool is_pausing = false; ///< A failed attempt's pause has not ended.
    std::optional<std::vector<std::byte>>
        state; ///< Not fetched when next_offset is the caller's own position.
};

/// Locks the lane's row, making it if need be; nothing if another worker holds it. `position` is where the
/// caller's processor stands: if the cursor stands there too, its state isn't fetched.
std::optional<Claim> claim_cursor(pg::Spi& spi, const LaneKey& key, std::int64_t position);

/// Writes, in a transaction of its own, that an attempt begins; false if another worker holds the lane or its
/// pause has not ended. A process does this the first time it serves a lane: if it dies the count stays, and
/// whoever comes next goes carefully and after a pause. Later slices of the same process need no such write,
/// for its death sends them to a process that comes here first.
bool begin_attempt(const LaneKey& key);
/// Takes it back: there was nothing to attempt.
void withdraw_attempt(pg::Spi& spi, const LaneKey& key);

/// What a finished slice leaves in the row.
struct Advance {
    std::int64_t next_offset = 0;
    std::int64_t records = 0;
    std::span<const std::byte> state;
    std::optional<std::int64_t> received_us; ///< Of the last batch; nothing if there was none.
};
void advance_cursor(pg::Spi& spi, const LaneKey& key, const Advance& advance);

/// What an attempt that ended in an error leaves in the row.
struct Setback {
    std::int64_t next_offset = 0; ///< Moved only past a batch that was set aside.
    int failures = 0;
    std::int64_t careful_until = 0;
    bool is_pausing = true;
    std::string_view sqlstate;
};
void set_back_cursor(pg::Spi& spi, const LaneKey& key, const Setback& setback);

} // namespace soup::workers
