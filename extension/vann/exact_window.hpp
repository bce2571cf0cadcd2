// Exact order from the rows themselves, where the codes' order is not good enough: a window over what a
// search finds, out of which the row with the least true distance is taken next.
#pragma once

#include "core/vann/search.hpp"
#include "vann/row_reader.hpp"

extern "C" {
#include "access/genam.h"
#include "access/relscan.h"
}

#include <queue>

namespace soup::vann {

class ExactWindow {
public:
    /// Its memory is the current context's.
    ExactWindow(IndexScanDesc scan, Metric metric);
    /// The query vector stays the caller's.
    void start(std::span<const float> query, std::size_t rows);

    struct Row {
        double distance;
        tree::HeapAddress address;

        friend bool operator>(const Row& a, const Row& b) noexcept { return a.distance > b.distance; }
    };
    /// Rows that the scan's snapshot does not see are left out.
    std::optional<Row> next(Search& search);

    void close() noexcept { reader_.close(); }
    void disown() noexcept { reader_.disown(); }

private:
    double distance() const noexcept;

    Metric metric_;
    std::span<const float> query_;
    std::size_t rows_ = 0;
    RowReader reader_;
    MemoryContext scratch_; ///< For detoasting.
    std::vector<float> vector_;
    std::priority_queue<Row, std::vector<Row>, std::greater<>> rows_read_;
    bool is_exhausted_ = false;
};

} // namespace soup::vann
