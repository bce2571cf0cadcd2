// Rows of one leaf in offset order, by its unique index or by its partial index on explicit_version. What the
// rows say is not checked here: the reader refuses what is wrong, the verifier reports it.
#pragma once

#include "rawlog/reader.hpp"
#include "rawlog/stored_table.hpp"

extern "C" {
#include "access/genam.h"
}

namespace soup::rawlog {

/// Which rows of an org's leaves.
struct BatchKey {
    Uuid org, model;
    std::int32_t partition;
    Lane lane;
    Uuid version; ///< With Lane::labelled.
};

/// A row's columns; by-reference datums live until the scan's next step. The frame is as stored, perhaps out
/// of line.
struct BatchRow {
    std::int64_t first_offset;
    std::int32_t record_count;
    TimestampTz received_at;
    bool is_labelled;
    Datum stream, content_type, frame;
};

class BatchScan {
public:
    /// Rows with first_offset in [from_offset, to_offset).
    BatchScan(Oid leaf, const BatchKey& key, std::int64_t from_offset, std::int64_t to_offset,
              const LatestSnapshot& snapshot);
    ~BatchScan();
    BatchScan(const BatchScan&) = delete;
    BatchScan& operator=(const BatchScan&) = delete;

    std::optional<BatchRow> next();

private:
    pg::OwnedContext memory_; ///< The slot and the scan, whatever context the caller is in.
    Relation heap_ = nullptr;
    Relation index_ = nullptr;
    IndexScanDesc scan_ = nullptr;
    TupleTableSlot* slot_ = nullptr;
};

/// Where the last batch begins that begins at or before this offset.
std::optional<std::int64_t> last_batch_at(Oid leaf, const BatchKey& key, std::int64_t offset,
                                          const LatestSnapshot& snapshot);

/// Throws XX001, naming partition and offset, unless the frame decodes to the row's number of records.
frame::Frame decode_frame(const BatchRow& row, std::int32_t partition);

} // namespace soup::rawlog
