// A slice: one transaction that takes some batches of one lane from the log to points, cursor and state.
#pragma once

#include "bgworkers/lane.hpp"
#include "bgworkers/point_table.hpp"
#include "bgworkers/version.hpp"
#include "core/processors/processor.hpp"

#include <memory>

namespace soup::workers {

/// What a worker keeps of a lane between slices. The processor stands at `position`; while the cursor stands
/// there too, its state needs no loading.
struct LaneCache {
    std::shared_ptr<const Version> version;
    std::unique_ptr<PointTable> points;
    std::unique_ptr<processors::Processor> processor;
    std::int64_t position = -1;
    bool has_begun = false; ///< This process has written its first attempt on the lane.
    std::uint64_t last_used = 0;

    /// After a failure: the processor's state is not known any more, and points may be half written.
    void forget() noexcept {
        processor.reset();
        position = -1;
        if (points) points->clear();
    }
};

enum class SliceEnd : std::uint8_t {
    drained,     ///< Nothing is left in the lane, as far as the slice saw.
    limited,     ///< It stopped at a limit; there is more.
    unavailable, ///< Another worker holds the lane, or it waits for its fit, or pauses.
    failed       ///< Recorded; the lane pauses.
};

SliceEnd run_slice(const LaneKey& key, LaneCache& cache);

} // namespace soup::workers
