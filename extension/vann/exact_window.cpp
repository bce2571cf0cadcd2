// The taxicab distance is the one metric that comes here: its nearest rows are among the nearest by Euclidean
// distance, roughly, so the window is as wide as what the search ranks at first.
#include "vann/exact_window.hpp"

#include "boundary/memory.hpp"
#include "core/simd/dispatch.hpp"
#include "vann/method.hpp"

namespace soup::vann {

ExactWindow::ExactWindow(IndexScanDesc scan)
    : reader_(scan->heapRelation, scan->indexRelation, scan->xs_snapshot), scratch_(pg::call([] {
          return AllocSetContextCreate(CurrentMemoryContext, "soupvec exact order", ALLOCSET_SMALL_SIZES);
      })) {}

void ExactWindow::start(std::span<const float> query, std::size_t rows) {
    query_ = query;
    rows_ = rows;
    rows_read_ = {};
    is_exhausted_ = false;
}

std::optional<ExactWindow::Row> ExactWindow::next(Search& search) {
    while (!is_exhausted_ && rows_read_.size() < rows_) {
        const std::optional<Found> found = search.next();
        is_exhausted_ = !found;
        if (is_exhausted_) break;
        const pg::ContextScope scope(scratch_);
        MemoryContextReset(scratch_);
        const std::optional<Datum> value = reader_.read(found->address);
        if (!value || !read_vector(*value, false, static_cast<unsigned>(query_.size()), vector_)) continue;
        rows_read_.push({simd::kernels().l1(query_.data(), vector_.data(), query_.size()), found->address});
    }
    if (rows_read_.empty()) return {};
    const Row nearest = rows_read_.top();
    rows_read_.pop();
    return nearest;
}

} // namespace soup::vann
