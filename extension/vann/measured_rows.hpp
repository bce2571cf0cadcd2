// The vectors of rows, for measuring recall against what is true.
#pragma once

#include "boundary/memory.hpp"
#include "vann/row_reader.hpp"

namespace soup::vann {

/// Rows' vectors as a new snapshot sees them. The snapshot is taken when the first row is fetched, so a
/// build holds none until it measures.
class MeasuredRows {
public:
    using Read = RowReader::Read;
    MeasuredRows(Relation heap, Relation index, unsigned dimensions, Read read = Read::all)
        : heap_(heap), index_(index), dimensions_(dimensions), read_(read) {}
    ~MeasuredRows() { close(); }
    MeasuredRows(const MeasuredRows&) = delete;
    MeasuredRows& operator=(const MeasuredRows&) = delete;

    /// False: the snapshot sees no such row, or it shall not be read.
    bool fetch(tree::HeapAddress address, float* vector);
    /// Lets the snapshot go; the destructor does the same.
    void close() noexcept;

private:
    Relation heap_, index_;
    unsigned dimensions_;
    Read read_;
    Snapshot snapshot_ = nullptr;
    std::optional<pg::OwnedContext> scratch_; ///< For detoasted values.
    std::optional<RowReader> reader_;
    std::vector<float> vector_;
};

} // namespace soup::vann
