// Index scans over an org's leaves, oldest month first, with the checks that reader.hpp promises.
//
// The first batch of interest is the last one that begins at or before from_offset: it is looked for
// backwards, from the newest leaf on, since readers nearly always stand near the head. From there the scan
// goes forward and through the leaves that follow. Batches that end before the range, or belong to the other
// lane, cost one heap row and are neither detoasted nor decoded.
#include "rawlog/reader.hpp"

#include "rawlog/batch_scan.hpp"
#include "rawlog/leaf.hpp"
#include "access/scope.hpp"

namespace soup::rawlog {

class Reader::Scan {
public:
    Scan(const BatchKey& key, std::int64_t from_offset, std::int64_t to_offset)
        : key_(key), from_(from_offset), to_(to_offset), position_(from_offset),
          leaves_(list_leaves(key.org)) {
        find_first_leaf();
    }

    std::optional<Batch> next() {
        while (std::optional<BatchRow> row = next_row()) {
            const std::int64_t end = row->first_offset + row->record_count;
            check_place(*row);
            expected_ = end;
            const bool is_ours = key_.lane == Lane::labelled || !row->is_labelled;
            if (is_ours && end > from_) {
                // Both lanes move past a batch only when it is returned, so that a caller's cursor never gets
                // ahead.
                Batch batch = decode(*row);
                position_ = std::min(end, to_);
                return batch;
            }
            if (key_.lane == Lane::default_routed) position_ = std::clamp(end, position_, to_);
        }
        if (key_.lane == Lane::default_routed && to_ != to_head && position_ < to_)
            throw damaged("records are missing at the end", position_);
        return std::nullopt;
    }

    std::int64_t position() const noexcept { return position_; }

private:
    /// Leaves before the one found hold smaller offsets only.
    void find_first_leaf() {
        for (leaf_ = leaves_.size(); leaf_ > 0;) {
            --leaf_;
            if (std::optional<std::int64_t> start = last_batch_at(leaves_[leaf_], key_, from_, snapshot_)) {
                open_leaf(*start);
                return;
            }
        }
        if (!leaves_.empty()) open_leaf(0);
    }

    void open_leaf(std::int64_t start) { scan_.emplace(leaves_[leaf_], key_, start, to_, snapshot_); }

    std::optional<BatchRow> next_row() {
        while (scan_) {
            if (std::optional<BatchRow> row = scan_->next()) return row;
            scan_.reset();
            if (++leaf_ < leaves_.size()) open_leaf(0);
        }
        return std::nullopt;
    }

    void check_place(const BatchRow& row) const {
        if (row.record_count <= 0) throw damaged("a batch without records", row.first_offset);
        if (key_.lane == Lane::labelled) { // The other lane's batches lie between.
            if (expected_ && row.first_offset < *expected_)
                throw damaged("batches overlap", row.first_offset);
            return;
        }
        const std::int64_t expected = expected_.value_or(std::min(row.first_offset, from_));
        if (row.first_offset > expected) throw damaged("records are missing", expected);
        if (row.first_offset < expected) throw damaged("batches overlap", row.first_offset);
    }

    Batch decode(const BatchRow& row) {
        Batch batch{
            .first_offset = row.first_offset,
            .record_count = row.record_count,
            .begin_index = static_cast<std::int32_t>(std::max<std::int64_t>(from_ - row.first_offset, 0)),
            .end_index =
                static_cast<std::int32_t>(std::min<std::int64_t>(to_ - row.first_offset, row.record_count)),
            .received_us = row.received_at + pg::unix_epoch_shift_us,
            .stream = pg::to_string(row.stream),
            .content_type = pg::to_string(row.content_type),
            .frame = {}};
        batch.frame = decode_frame(row, key_.partition);
        return batch;
    }

    Error damaged(const char* what, std::int64_t offset) const {
        return {"XX001", "", std::string("raw log is damaged: ") + what,
                "Partition " + std::to_string(key_.partition) + ", offset " + std::to_string(offset) + ".",
                "Run soup.verify_raw() on the model and restore it from a backup."};
    }

    BatchKey key_;
    std::int64_t from_, to_, position_;
    std::optional<std::int64_t> expected_; ///< Where the next row has to begin.
    LatestSnapshot snapshot_;
    std::vector<Oid> leaves_;
    std::size_t leaf_ = 0;
    std::optional<BatchScan> scan_;
};

Reader::Reader(const Uuid& org, const Uuid& model, std::int32_t partition, Lane lane, const Uuid& version,
               std::int64_t from_offset, std::int64_t to_offset) {
    if (from_offset < 0 || to_offset < from_offset) throw bad_input("a range of offsets must ascend from 0");
    if (!access::is_version_scope(org, model, version))
        throw scope_refused("raw records are read in the scope of their version only");
    scan_ = std::make_unique<Scan>(BatchKey{org, model, partition, lane, version}, from_offset, to_offset);
}

Reader::~Reader() = default;
Reader::Reader(Reader&&) noexcept = default;

std::optional<Batch> Reader::next() {
    return scan_->next();
}

std::int64_t Reader::position() const noexcept {
    return scan_->position();
}

} // namespace soup::rawlog
