// Rows in a region, in no order or by distance, to the executor one by one or as a bitmap.
//
// Pins: an index-only scan trusts the visibility map, so the leaf of a row that was returned stays pinned
// until the next row: vacuum, which removes a row from the index first, cannot have removed it from the heap.
// A standby's replay does not wait for pins; there are no index-only scans there.
// A snapshot that is no MVCC snapshot needs the same. Otherwise nothing is pinned between two calls; a row
// that took a removed one's place is younger than the snapshot, and the executor drops it. Pins are the
// resource owner's: after an error, and when the memory goes away without end_scan, they are gone already.
#include "vtree/scan.hpp"

#include "boundary/memory.hpp"
#include "core/vtree/nearest_scan.hpp"
#include "core/vtree/region_scan.hpp"
#include "tree/address.hpp"
#include "tree/buffer_store.hpp"
#include "tree/heap_ahead.hpp"
#include "tree/index_scan.hpp"
#include "vector/vector.hpp"
#include "vtree/method.hpp"
#include "vtree/query.hpp"

extern "C" {
#include "access/itup.h"
#include "access/xlog.h"
#include "pgstat.h"
#include "utils/snapmgr.h"
}

namespace soup::vtree {
namespace {

/// The one index tuple of an index-only scan, written over for each row.
class ReturnedTuple {
public:
    explicit ReturnedTuple(unsigned dimensions)
        : dimensions_(dimensions),
          bytes_(MAXALIGN(sizeof(IndexTupleData)) + MAXALIGN(vector::size_of(static_cast<int>(dimensions)))) {
        auto* tuple = reinterpret_cast<IndexTuple>(bytes_.data());
        tuple->t_info = static_cast<unsigned short>(bytes_.size() | INDEX_VAR_MASK);
        vector::Vector* value = vector_();
        SET_VARSIZE(value, vector::size_of(static_cast<int>(dimensions)));
        value->dimensions = static_cast<std::int16_t>(dimensions);
        value->unused = 0;
    }
    IndexTuple with(const float* point) noexcept {
        std::memcpy(vector_()->elements, point, dimensions_ * sizeof(float));
        return reinterpret_cast<IndexTuple>(bytes_.data());
    }

private:
    vector::Vector* vector_() noexcept {
        return reinterpret_cast<vector::Vector*>(bytes_.data() + MAXALIGN(sizeof(IndexTupleData)));
    }
    unsigned dimensions_;
    std::vector<char> bytes_; ///< Aligned as malloc does.
};

class Scan {
public:
    explicit Scan(Relation index)
        : store_(index), open_(tree::open_index(index)), tuple_(open_->meta.dimensions) {}
    ~Scan() { store_.disown(); }

    /// Lets go of pages; the next call starts anew.
    void stop() {
        hits_.clear();
        at_ = 0;
        near_ = 0;
        region_scan_.reset();
        nearest_scan_.reset();
        is_started_ = false;
    }
    bool next(IndexScanDesc scan);
    std::int64_t fill(IndexScanDesc scan, TIDBitmap* bitmap);

private:
    Region region(IndexScanDesc scan) const {
        return region_of({scan->keyData, static_cast<std::size_t>(scan->numberOfKeys)},
                         open_->meta.dimensions);
    }
    void start(IndexScanDesc scan);
    bool next_in_region(IndexScanDesc scan);
    bool next_nearest(IndexScanDesc scan);
    void approach_nearest(IndexScanDesc scan);

    tree::BufferStore store_;
    tree::OpenIndexPtr open_;
    ReturnedTuple tuple_;
    std::optional<RegionScan> region_scan_;
    std::optional<NearestScan> nearest_scan_;
    Hits hits_;
    std::size_t at_ = 0;   ///< The next of hits_.
    std::size_t near_ = 0; ///< So many of the next rows were approached.
    bool is_started_ = false, keeps_pins_ = false;
};

void Scan::start(IndexScanDesc scan) {
    if (scan->numberOfOrderBys > 1) throw Error("0A000", "", "cannot scan a vtree index in two orders");
    keeps_pins_ = scan->xs_want_itup || !IsMVCCSnapshot(scan->xs_snapshot);
    std::optional<std::vector<float>> origin;
    if (scan->numberOfOrderBys == 1) origin = origin_of(scan->orderByData[0], open_->meta.dimensions);
    if (origin)
        nearest_scan_.emplace(store_, layout_of(*open_), std::move(*origin), region(scan),
                              keeps_pins_ ? NearestScan::Pinning::each_result : NearestScan::Pinning::none);
    else // The distance to null is null, in whatever order.
        region_scan_.emplace(store_, layout_of(*open_), region(scan),
                             scan->xs_want_itup ? RegionScan::Want::rows_and_points : RegionScan::Want::rows);
    is_started_ = true;
    pgstat_count_index_scan(scan->indexRelation);
}

bool Scan::next(IndexScanDesc scan) {
    if (!is_started_) start(scan);
    scan->xs_recheck = false;
    scan->xs_recheckorderby = false;
    return nearest_scan_ ? next_nearest(scan) : next_in_region(scan);
}

bool Scan::next_in_region(IndexScanDesc scan) {
    if (at_ == hits_.rows.size()) {
        at_ = 0;
        if (!region_scan_->next(hits_)) return false;
        if (!keeps_pins_) hits_.leaves.clear();
    }
    scan->xs_heaptid = tree::to_item_pointer(hits_.rows[at_]);
    if (scan->xs_want_itup) scan->xs_itup = tuple_.with(hits_.points.data() + at_ * open_->meta.dimensions);
    if (scan->numberOfOrderBys == 1) {
        scan->xs_orderbyvals[0] = Datum{0};
        scan->xs_orderbynulls[0] = true;
    }
    ++at_;
    return true;
}

bool Scan::next_nearest(IndexScanDesc scan) {
    NearestScan::Found found;
    if (!nearest_scan_->next(found)) return false;
    scan->xs_heaptid = tree::to_item_pointer(found.row);
    if (scan->xs_want_itup) scan->xs_itup = tuple_.with(found.point);
    scan->xs_orderbyvals[0] = Float8GetDatum(found.distance);
    scan->xs_orderbynulls[0] = false;
    if (scan->xs_want_itup) return true;
    if (near_ == 0) approach_nearest(scan);
    --near_;
    return true;
}

/// The row that is about to be returned, and those after it.
void Scan::approach_nearest(IndexScanDesc scan) {
    tree::HeapAddress rows[2 * tree::HeapAhead::rows_at_once];
    rows[0] = tree::to_address(scan->xs_heaptid);
    const std::size_t count = 1 + nearest_scan_->ahead(std::span(rows).subspan(1)).size();
    tree::HeapAhead::approach(scan, {rows, count});
    near_ = std::min(count, tree::HeapAhead::rows_at_once);
}

std::int64_t Scan::fill(IndexScanDesc scan, TIDBitmap* bitmap) {
    pgstat_count_index_scan(scan->indexRelation);
    RegionScan rows(store_, layout_of(*open_), region(scan), RegionScan::Want::rows);
    Hits hits;
    std::int64_t count = 0;
    while (rows.next(hits)) {
        hits.leaves.clear();
        pg::call([&] {
            static_assert(sizeof(ItemPointerData) == sizeof(HeapAddress));
            tbm_add_tuples(bitmap, reinterpret_cast<ItemPointer>(hits.rows.data()),
                           static_cast<int>(hits.rows.size()), false);
        });
        count += static_cast<std::int64_t>(hits.rows.size());
    }
    return count;
}

Scan& vtree_scan(IndexScanDesc scan) noexcept {
    return *static_cast<Scan*>(scan->opaque);
}

} // namespace

IndexScanDesc begin_scan(Relation index, int key_count, int order_count) {
    return pg::entry([=] {
        IndexScanDesc scan = tree::describe_scan(index, key_count, order_count);
        scan->xs_itupdesc = RelationGetDescr(index);
        scan->opaque = pg::make_in_context<Scan>(CurrentMemoryContext, index);
        return scan;
    });
}

void rescan(IndexScanDesc scan, ScanKey keys, int key_count, ScanKey orders, int order_count) {
    pg::entry([=] {
        vtree_scan(scan).stop();
        tree::take_keys(scan, keys, key_count, orders, order_count);
    });
}

bool next_row(IndexScanDesc scan, ScanDirection) {
    if (!pg::entry([=] { return vtree_scan(scan).next(scan); })) return false;
    if (!scan->xs_want_itup) tree::HeapAhead::enter(scan);
    return true;
}

int64 all_rows(IndexScanDesc scan, TIDBitmap* bitmap) {
    return pg::entry([=] { return vtree_scan(scan).fill(scan, bitmap); });
}

void end_scan(IndexScanDesc scan) {
    pg::entry([=] { vtree_scan(scan).stop(); });
}

/// The planner asks. On a standby, replay removes a row from leaf and heap without waiting for the leaf's
/// pin, and the visibility map may then vouch for a row that has gone: there scans have to ask the heap.
bool can_return(Relation, int) {
    return !RecoveryInProgress();
}

} // namespace soup::vtree
