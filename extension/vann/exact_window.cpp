// Distances are what the operators compute, so that rows of equal distance are equal here, too. A row costs a
// look into the table, and for a long vector one into its toast table.
#include "vann/exact_window.hpp"

#include "boundary/memory.hpp"
#include "core/simd/dispatch.hpp"
#include "vann/method.hpp"

namespace soup::vann {

ExactWindow::ExactWindow(IndexScanDesc scan, Metric metric)
    : metric_(metric), reader_(scan->heapRelation, scan->indexRelation, scan->xs_snapshot),
      scratch_(pg::call([] {
          return AllocSetContextCreate(CurrentMemoryContext, "soupvec exact order", ALLOCSET_SMALL_SIZES);
      })) {}

void ExactWindow::start(std::span<const float> query, std::size_t rows) {
    query_ = query;
    rows_ = rows;
    rows_read_ = {};
    is_exhausted_ = false;
}

double ExactWindow::distance() const noexcept {
    const simd::Kernels& kernels = simd::kernels();
    const float *a = query_.data(), *b = vector_.data();
    const std::size_t n = query_.size();
    switch (metric_) {
    case Metric::l2:
        return std::sqrt(static_cast<double>(kernels.l2_squared(a, b, n)));
    case Metric::inner_product:
        return -kernels.inner_product(a, b, n);
    case Metric::l1:
        return kernels.l1(a, b, n);
    case Metric::cosine:
        break;
    }
    const simd::CosineParts parts = kernels.cosine(a, b, n);
    const double norms = std::sqrt(static_cast<double>(parts.norm_a) * static_cast<double>(parts.norm_b));
    // A query without direction is as near to one row as to another.
    return norms > 0 ? 1.0 - std::clamp(static_cast<double>(parts.dot) / norms, -1.0, 1.0) : 0;
}

std::optional<ExactWindow::Row> ExactWindow::next(Search& search) {
    while (!is_exhausted_ && rows_read_.size() < rows_) {
        const std::optional<Found> found = search.next();
        is_exhausted_ = !found;
        if (is_exhausted_) break;
        const pg::ContextScope scope(scratch_);
        MemoryContextReset(scratch_);
        const std::optional<Datum> value = reader_.read(found->address, RowReader::Read::all);
        if (!value || !read_vector(*value, false, static_cast<unsigned>(query_.size()), vector_)) continue;
        rows_read_.push({distance(), found->address});
    }
    if (rows_read_.empty()) return {};
    const Row nearest = rows_read_.top();
    rows_read_.pop();
    return nearest;
}

} // namespace soup::vann
