// vtree_count(index, region) and vtree_grid(index, region, cells): how many rows lie in a region, counted
// leaf by leaf without the executor's work per row.
//
// They answer what SELECT count(*) would: the statement's snapshot decides row by row. As that would, they
// demand SELECT on the table; and since no policy could be applied to an index's entries, they refuse where
// row-level security would apply to the caller. In a serializable transaction the whole table counts as read.
#include "vtree/count.hpp"

#include "core/simd/dispatch.hpp"
#include "core/vtree/grid.hpp"
#include "core/vtree/region_scan.hpp"
#include "tree/buffer_store.hpp"
#include "tree/handler.hpp"
#include "tree/index_lock.hpp"
#include "vector/regions.hpp"
#include "vtree/method.hpp"
#include "vtree/query.hpp"
#include "vtree/visible_rows.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/index.h"
#include "funcapi.h"
#include "pgstat.h"
#include "storage/predicate.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
}

namespace soup::vtree {
namespace {

/// Before any lock, as the caller: somebody without rights learns nothing and holds up nobody. Server code.
Oid check_rights(Oid index) {
    const Oid table = IndexGetRelation(index, true);
    if (!OidIsValid(table)) return InvalidOid; // IndexLock says what it is.
    const AclResult rights = pg_class_aclcheck(table, GetUserId(), ACL_SELECT);
    if (rights != ACLCHECK_OK)
        aclcheck_error(rights, get_relkind_objtype(get_rel_relkind(table)), get_rel_name(table));
    if (check_enable_rls(table, InvalidOid, true) == RLS_ENABLED)
        ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                errmsg("cannot count rows of table \"%s\" in its index, because row-level security applies",
                       get_rel_name(table)),
                errhint("Count with a query on the table."));
    return table;
}

/// What the planner looks at before it uses an index. Server code.
void check_usable(Relation index) {
    const bool is_young =
        index->rd_index->indcheckxmin &&
        !TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), TransactionXmin);
    if (!index->rd_index->indisvalid || is_young)
        ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                errmsg("index \"%s\" cannot be used by this transaction", RelationGetRelationName(index)),
                is_young ? errhint("It is younger than the transaction's snapshot; ask again in a new one.")
                         : errhint("Rebuild it with REINDEX."));
}

/// What is counted.
class Tally {
public:
    virtual ~Tally() = default;
    /// All hits of a leaf.
    virtual void add(const LeafView& leaf) = 0;
    /// The rows that are visible.
    virtual void add(const Hits& hits, std::span<const char> is_visible) = 0;
};

/// Counts a leaf as it lies there if the map says that all its rows are visible, as of most leaves it does.
class Viewer final : public LeafViewer {
public:
    Viewer(VisibleRows& visible, Tally& tally, Relation index)
        : visible_(visible), tally_(tally), index_(index) {}

    bool look(const LeafView& leaf) override {
        if (!visible_.knows_all(leaf.rows)) return false;
        tally_.add(leaf);
        pgstat_count_index_tuples(index_, simd::kernels().boxes.count_bits(leaf.inside, leaf.rows.size()));
        return true;
    }

private:
    VisibleRows& visible_;
    Tally& tally_;
    Relation index_;
};

/// An index to count in, checked and locked. Members are in the order in which they are made.
class CountedIndex {
public:
    /// `table` is the index's table, for which somebody has checked the caller's rights, and the index was
    /// found usable when the statement was planned: REINDEX CONCURRENTLY may have replaced it since, and
    /// keeps it up to date until nobody uses the table as it was.
    CountedIndex(Oid index, Oid table, Snapshot snapshot)
        : table_(table), snapshot_(snapshot), lock_(index, AccessShareLock), open_(open()) {}
    /// For a caller who gave the index by its name.
    explicit CountedIndex(Oid index)
        : CountedIndex(index, pg::call([=] { return check_rights(index); }), GetActiveSnapshot()) {
        pg::call([this] { check_usable(lock_.index()); });
    }

    unsigned dimensions() const noexcept { return open_->meta.dimensions; }

    void scan(Region region, RegionScan::Want want, Tally& tally) {
        tree::BufferStore store(lock_.index());
        VisibleRows visible(lock_.heap(), snapshot_);
        Viewer viewer(visible, tally, lock_.index());
        RegionScan rows(store, layout_of(*open_), std::move(region), want, &viewer);
        Hits hits;
        std::vector<char> is_visible;
        pgstat_count_index_scan(lock_.index());
        while (rows.next(hits)) {
            visible.look_at(hits.rows, is_visible);
            tally.add(hits, is_visible);
            pgstat_count_index_tuples(lock_.index(), hits.rows.size());
        }
    }

private:
    tree::OpenIndexPtr open() {
        if (tree::method_of(lock_.index()).number() != vtree_method.number())
            throw Error("42809", "",
                        "\"" + std::string(RelationGetRelationName(lock_.index())) +
                            "\" is not a vtree index");
        pg::call([this] {
            if (RelationGetRelid(lock_.heap()) != table_)
                ereport(ERROR, errcode(ERRCODE_OBJECT_IN_USE), errmsg("index was replaced meanwhile"));
            PredicateLockRelation(lock_.heap(), snapshot_);
        });
        return tree::open_index(lock_.index());
    }

    Oid table_;
    Snapshot snapshot_;
    tree::IndexLock lock_;
    tree::OpenIndexPtr open_;
};

class RowTally final : public Tally {
public:
    void add(const LeafView& leaf) override {
        total_ += static_cast<std::int64_t>(simd::kernels().boxes.count_bits(leaf.inside, leaf.rows.size()));
    }
    void add(const Hits&, std::span<const char> is_visible) override {
        total_ += std::ranges::count(is_visible, 1);
    }
    std::int64_t total() const noexcept { return total_; }

private:
    std::int64_t total_ = 0;
};

class CellTally final : public Tally {
public:
    explicit CellTally(const Grid& grid) : grid_(grid), counts_(grid.cell_count()) {}

    void add(const LeafView& leaf) override { grid_.count(leaf.points, leaf.inside, counts_); }
    void add(const Hits& hits, std::span<const char> is_visible) override {
        const std::size_t dimensions = hits.points.size() / hits.rows.size();
        for (std::size_t i = 0; i < hits.rows.size(); ++i)
            if (is_visible[i] != 0) ++counts_[grid_.cell_of(hits.points.data() + i * dimensions)];
    }
    std::span<const std::int64_t> counts() const noexcept { return counts_; }

private:
    const Grid& grid_;
    std::vector<std::int64_t> counts_;
};

std::int64_t count(CountedIndex& counted, Region region) {
    RowTally tally;
    counted.scan(std::move(region), RegionScan::Want::rows, tally);
    return tally.total();
}

std::int64_t count_in(Oid index, void (*keep)(Region&, Datum, unsigned), Datum datum) {
    CountedIndex counted(index);
    Region region(counted.dimensions());
    keep(region, datum, counted.dimensions());
    return count(counted, std::move(region));
}

std::vector<int> cells_of(Datum datum) {
    ArrayType* array = pg::call([=] { return DatumGetArrayTypeP(datum); });
    if (ARR_NDIM(array) != 1 || ARR_HASNULL(array))
        throw bad_input("cells must be an array of integers without null");
    const int* first = reinterpret_cast<const int*>(ARR_DATA_PTR(array));
    std::vector<int> cells(first, first + ARR_DIMS(array)[0]);
    std::size_t product = 1;
    for (const int along : cells) {
        if (along < 1) throw bad_input("cells must be positive");
        product *= static_cast<std::size_t>(along);
        if (product > Grid::cells_max)
            throw too_big("cannot count in more than " + std::to_string(Grid::cells_max) + " cells");
    }
    return cells;
}

void put_cells(FunctionCallInfo fcinfo, const Grid& grid, unsigned dimensions,
               std::span<const std::int64_t> counts) {
    pg::call([&] {
        InitMaterializedSRF(fcinfo, 0);
        auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
        // One array for all rows, of which each is a copy.
        auto* elements = static_cast<Datum*>(palloc0(sizeof(Datum) * dimensions));
        ArrayType* array =
            construct_array(elements, static_cast<int>(dimensions), INT4OID, 4, true, TYPALIGN_INT);
        const std::span place(reinterpret_cast<int*>(ARR_DATA_PTR(array)), dimensions);
        for (std::size_t cell = 0; cell < counts.size(); ++cell) {
            if (counts[cell] == 0) continue;
            grid.place_of(cell, place);
            Datum values[2] = {PointerGetDatum(array), Int64GetDatum(counts[cell])};
            bool is_null[2] = {false, false};
            tuplestore_putvalues(result->setResult, result->setDesc, values, is_null);
        }
    });
}

void count_cells(FunctionCallInfo fcinfo) {
    CountedIndex counted(PG_GETARG_OID(0));
    const unsigned dimensions = counted.dimensions();
    const vector::BoxView box = pg::call([=] { return vector::view_box(PG_GETARG_DATUM(1)); });
    const std::vector<int> cells = cells_of(PG_GETARG_DATUM(2));
    if (static_cast<unsigned>(box.dimensions) != dimensions)
        vector::refuse_different_dimensions(static_cast<int>(dimensions), box.dimensions);
    if (cells.size() != dimensions)
        throw bad_input("cells must have one element per dimension",
                        "The index has " + std::to_string(dimensions) + " dimensions, cells " +
                            std::to_string(cells.size()) + " elements.");
    std::vector<float> lower(dimensions), upper(dimensions);
    for (unsigned j = 0; j < dimensions; ++j) {
        lower[j] = vector::value_at(box.lower, static_cast<int>(j));
        upper[j] = vector::value_at(box.upper, static_cast<int>(j));
    }
    const Grid grid(lower, upper, cells);
    CellTally tally(grid);
    Region region(dimensions);
    region.keep_box(lower.data(), upper.data());
    counted.scan(std::move(region), RegionScan::Want::rows_and_points, tally);
    put_cells(fcinfo, grid, dimensions, tally.counts());
}

} // namespace

std::int64_t count_rows(Oid index, Oid table, std::span<const ScanKeyData> keys, Snapshot snapshot) {
    CountedIndex counted(index, table, snapshot);
    return count(counted, region_of(keys, counted.dimensions()));
}

} // namespace soup::vtree

SOUP_FUNCTION(svec_vtree_count_box) {
    PG_RETURN_INT64(soup::vtree::count_in(PG_GETARG_OID(0), soup::vtree::keep_box, PG_GETARG_DATUM(1)));
}
SOUP_FUNCTION(svec_vtree_count_ball) {
    PG_RETURN_INT64(soup::vtree::count_in(PG_GETARG_OID(0), soup::vtree::keep_ball, PG_GETARG_DATUM(1)));
}
SOUP_FUNCTION(svec_vtree_grid) {
    soup::vtree::count_cells(fcinfo);
    return Datum{0};
}
