// The point writer: points of one version into its table, many per statement.
//
// One upsert takes arrays, a column each. The later record with the same key wins, where later is the greater
// (received_at, source_partition, source_offset): decided in the statement, so that the table doesn't depend
// on which worker came first. Keys are sorted, so that two workers which write the same keys lock them in the
// same order.
//
// Points are kept until a statement is full; the last of them are written by flush(). All of it belongs to
// the caller's transaction.
#pragma once

#include "bgworkers/version.hpp"
#include "boundary/array.hpp"
#include "core/processors/processor.hpp"

#include <string_view>
#include <vector>

namespace soup::workers {

class PointTable {
public:
    explicit PointTable(std::shared_ptr<const Version> version) : version_(std::move(version)) {}
    ~PointTable();
    PointTable(const PointTable&) = delete;
    PointTable& operator=(const PointTable&) = delete;

    /// Why a point cannot be stored, as a reason code of processors::reason; empty if it can.
    std::string_view refusal(const processors::Point& point) const;
    /// Writes as soon as enough have gathered.
    void add(pg::Spi& spi, processors::Point&& point);
    void flush(pg::Spi& spi);
    /// Forgets what was added and not written; after an aborted transaction.
    void clear() noexcept {
        points_.clear();
        bytes_ = 0;
    }

private:
    void prepare(pg::Spi& spi);
    void keep_latest_of_each_key();

    std::shared_ptr<const Version> version_;
    std::vector<processors::Point> points_;
    std::size_t bytes_ = 0;
    SPIPlanPtr plan_ = nullptr; ///< Made at the first flush, kept for the life of this object.
    pg::ElementType vector_elements_{};
};

} // namespace soup::workers
