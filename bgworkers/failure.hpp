// What a failed attempt leaves behind: a row in soup.failure, a pause, after enough of them a batch in
// quarantine or a suspended version.
#pragma once

#include "bgworkers/fault.hpp"
#include "bgworkers/lane.hpp"
#include "boundary/spi.hpp"

#include <cstdint>
#include <string_view>

namespace soup::workers {

/// Offsets of a batch's records, [from, to).
struct BatchSpan {
    std::int64_t from = 0;
    std::int64_t to = 0;
};

struct FailedSlice {
    std::int64_t next_offset = 0;  ///< Where the cursor stood.
    std::int64_t failed_until = 0; ///< One past the last offset that the slice had taken.
    int batch_count = 0;           ///< With one, the batch is known.
    BatchSpan batch;               ///< The last one taken.
    Phase phase = Phase::reading;
    int failures = 0; ///< Of the claim.
};

/// After the slice's transaction was aborted: records the failure in a transaction of its own. A slice of
/// several batches is then tried again at once, batch by batch; a single batch that has failed often enough
/// by its own fault is set aside.
void record_slice_failure(const LaneKey& key, const FailedSlice& failed, const Fault& fault);

/// One more failed attempt of the version, as part of the caller's transaction; the one too many suspends it.
void count_failure(pg::Spi& spi, const LaneKey& key, std::int64_t next_offset, const Fault& fault);

/// Stops the processing of a version; its points stay served.
void suspend_version(pg::Spi& spi, const LaneKey& key, std::string_view reason);

/// One line in the server's log, with identifiers only.
void log_failure(const LaneKey& key, std::int64_t offset, const Fault& fault);

} // namespace soup::workers
