// A snapshot and a reader, made at the first use.
#include "vann/measured_rows.hpp"

#include "vann/method.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/snapmgr.h"
}

namespace soup::vann {

void MeasuredRows::close() noexcept {
    if (!reader_ || pg::server_error_unwinding()) return;
    reader_->close();
    reader_.reset();
    UnregisterSnapshot(snapshot_);
}

bool MeasuredRows::fetch(tree::HeapAddress address, float* vector) {
    if (!reader_) {
        // In parallel mode no new snapshot may be taken.
        snapshot_ = pg::call(
            [] { return RegisterSnapshot(IsInParallelMode() ? GetActiveSnapshot() : GetLatestSnapshot()); });
        reader_.emplace(heap_, index_, snapshot_);
        scratch_.emplace("soupvec measuring");
    }
    const pg::ContextScope scope(scratch_->get());
    scratch_->reset();
    const std::optional<Datum> value = reader_->read(address, read_);
    if (!value || !read_vector(*value, false, dimensions_, vector_)) return false;
    std::memcpy(vector, vector_.data(), dimensions_ * sizeof(float));
    return true;
}

} // namespace soup::vann
