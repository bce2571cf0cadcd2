// Every limit of the processors, in one place, with what it trades.
#pragma once

#include <cstddef>
#include <cstdint>

namespace soup::workers::limits {

// --- A slice: the batches that one transaction processes
// ---------------------------------------------------------
/// Whichever is reached first ends the slice at the next batch border. Larger slices share a commit among
/// more records; smaller ones lose less when killed and let other lanes have their turn earlier.
constexpr std::size_t slice_bytes_max = std::size_t{4} << 20;
constexpr std::int64_t slice_records_max = 20'000;
constexpr std::int64_t slice_us_max = 50'000;
/// Slices of one lane in a row before others get their turn.
constexpr int slices_in_a_row_max = 4;
/// Two looks for work of one worker begin at least so far apart: under a stream of single appends it then
/// takes what has gathered instead of a whole core.
constexpr std::int64_t look_interval_us_min = 10'000;

// --- Points
// ------------------------------------------------------------------------------------------------------
/// One upsert statement takes at most this many points, or this many bytes of them, so that a batch of a
/// million records needs bounded memory.
constexpr std::size_t upsert_points_max = 4096;
constexpr std::size_t upsert_bytes_max = std::size_t{8} << 20;

// --- Failures
// ----------------------------------------------------------------------------------------------------
/// A batch that fails so often by its own fault is set aside.
constexpr int failures_max = 3;
/// A batch at which so many attempts ended without a word (the process died) is set aside. Higher than
/// failures_max: a process that is killed from outside was not the batch's fault.
constexpr int unfinished_attempts_max = 10;
/// The pause after a failure: twice the one before, at least the base and at most the maximum, times a random
/// factor of 0.5 … 1.5, so that many failed lanes do not return in step. Written as SQL, for it reads the row
/// it changes.
constexpr std::int64_t pause_ms_base = 100;
constexpr std::int64_t pause_ms_max = 60'000;
/// After a failed fit; a fit reads much, so its pause is longer from the start.
constexpr std::int64_t fit_pause_ms = 5000;
/// After a look for enough to learn from that took longer than a slice may, and did not find it: so many
/// times as long as the look, so that a version which never learns takes at most a ninth of a worker.
constexpr std::int64_t fit_pause_factor = 8;
/// Failed attempts of a version within an hour that suspend it.
constexpr int failures_per_hour_max = 20;
/// soup.failure keeps so many days.
constexpr int failure_days_kept = 7;

/// A lock that is not granted within this time fails the attempt, which comes again after a pause: else all
/// workers would wait for one table, and no version would be served. The launcher, too: who waits for a lock
/// holds up all who come after him.
constexpr const char* lock_timeout = "1s";

// --- Work lists and processes
// ------------------------------------------------------------------------------------
/// Lanes that one look for work returns, and how long they are served before the next look.
constexpr int work_items_max = 64;
constexpr long work_list_ms_max = 200;
/// A live lane of a default version is served as though it had waited this much longer than it has. Not first
/// at any price: then a default version that always lags would starve all others.
constexpr int live_bonus_ms = 2000;
/// Lanes whose processor a worker keeps between slices.
constexpr std::size_t cached_lanes_max = 16;
/// While a worker idles it looks this often, for lanes whose pause after a failure has ended.
constexpr long idle_look_ms = 1000;
/// The launcher looks for work at most this often, however often it is woken.
constexpr long launcher_pause_ms = 20;
/// Before the next worker is started after one that could not begin; doubles.
constexpr long start_pause_ms_base = 1000;
constexpr long start_pause_ms_max = 60'000;
/// Between two rounds of maintenance, and between a failed round and the next.
constexpr long maintenance_ms = 24L * 3600 * 1000;
constexpr long maintenance_retry_ms = 10L * 60 * 1000;
/// Idempotency keys that one transaction forgets.
constexpr int purge_rows_max = 100'000;
/// Leaves that one transaction makes, each of which takes some six places of the server's lock table (which
/// has thousands, but a few hundred at the least settings). Fewer cost more commits, of some ms each.
constexpr int leaves_max = 10;

} // namespace soup::workers::limits
