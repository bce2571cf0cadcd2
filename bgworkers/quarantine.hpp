// Records that a version could not use, and the counters that processors declare.
#pragma once

#include "bgworkers/failure.hpp"
#include "bgworkers/lane.hpp"
#include "boundary/spi.hpp"
#include "core/processors/processor.hpp"

#include <string_view>
#include <vector>

namespace soup::workers {

/// A record that a processor rejected. The reason code has static storage.
struct Rejected {
    std::int64_t offset = 0;
    std::string_view reason;
};

/// One row per record, all in one statement.
void quarantine(pg::Spi& spi, const LaneKey& key, const std::vector<Rejected>& rejected);

/// A whole batch in one row.
void set_aside(pg::Spi& spi, const LaneKey& key, const BatchSpan& batch, std::string_view reason);

/// Adds what a slice counted. Only counters that say something new are touched: their row is shared by all
/// partitions of the version, and a write holds it until the commit.
void add_counters(pg::Spi& spi, const LaneKey& key, const processors::Counters& before,
                  const processors::Counters& after);

} // namespace soup::workers
