// When an index measures itself anew, and the functions that say what it found.
//
// A build measures against the rows themselves. So does vacuum, when a good part of the rows has come, or has
// been replaced, since: see is_outdated(). But its snapshot holds nobody back, so that what a row keeps in
// its toast table could go while it is read: for such rows it takes the codes' word. vann_calibrate()
// measures at once and thoroughly.
#include "core/vann/calibration.hpp"

#include "tree/buffer_store.hpp"
#include "tree/index_lock.hpp"
#include "vann/measured_rows.hpp"
#include "vann/method.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "funcapi.h"
#include "utils/acl.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
}

namespace soup::vann {
namespace {

constexpr std::uint64_t seed = 7;

/// Other sessions read it when their relation cache's entries have been renewed.
void write_calibration(tree::BufferStore& store, const Calibration& calibration) {
    {
        const tree::Page page = store.lock(tree::meta_block, tree::Lock::exclusive);
        Parameters parameters = load(tree::meta(page.bytes()));
        parameters.calibration = calibration;
        tree::Change change(store);
        vann::store(parameters, tree::meta(change.edit(page)));
        change.commit();
    }
    pg::call([&] { CacheInvalidateRelcache(store.index()); });
}

/// Adds to the number that the metapage keeps; returns what it says then.
Calibration count_removed(tree::BufferStore& store, std::uint64_t rows) {
    const tree::Page page =
        store.lock(tree::meta_block, rows > 0 ? tree::Lock::exclusive : tree::Lock::shared);
    Parameters parameters = load(tree::meta(page.bytes()));
    if (rows == 0) return parameters.calibration;
    parameters.calibration.removed += rows;
    tree::Change change(store);
    vann::store(parameters, tree::meta(change.edit(page)));
    change.commit();
    return parameters.calibration;
}

Calibration measure_now(tree::BufferStore& store, const OpenVann& open, MeasuredRows& rows,
                        std::uint64_t row_count) {
    const FetchVector fetch = [&rows](tree::HeapAddress address, float* vector) {
        return rows.fetch(address, vector);
    };
    std::vector<CalibrationQuery> queries =
        draw_queries(store, open.vann(), calibration_queries(row_count), seed);
    // What was drawn is the codes' word. The row's own is better: among near neighbours rounding matters.
    std::vector<float> vector(open.space.dimensions()), point(open.space.padded());
    for (CalibrationQuery& query : queries)
        if (fetch(query.self, vector.data()) && open.space.to_point(vector.data(), point.data()))
            query.point = point;
    return calibrate(store, open.vann(), queries, exact_order(open.space, open.parameters.metric, fetch),
                     row_count);
}

/// Server code.
bool owns(Oid relation) {
#if PG_VERSION_NUM >= 160000
    return object_ownercheck(RelationRelationId, relation, GetUserId());
#else
    return pg_class_ownercheck(relation, GetUserId());
#endif
}

const OpenVann& as_vann(const tree::OpenIndex& open, Relation index) {
    if (open.method != &vann_method)
        throw Error("42809", "",
                    "\"" + std::string(RelationGetRelationName(index)) + "\" is not a vann index");
    return static_cast<const OpenVann&>(open);
}

void return_settings(FunctionCallInfo fcinfo, const Calibration& calibration) {
    pg::call([&] {
        InitMaterializedSRF(fcinfo, 0);
        const auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
        for (std::size_t i = 0; i < recall_targets.size(); ++i) {
            const Setting& setting = calibration.settings[i];
            const bool is_measured = calibration.rows > 0 && setting.measured_recall > 0;
            Datum values[] = {Float4GetDatum(recall_targets[i]), Int32GetDatum(setting.probes),
                              Int32GetDatum(setting.beam), Int32GetDatum(setting.rerank),
                              Float4GetDatum(setting.measured_recall)};
            bool is_null[] = {false, !is_measured, !is_measured, !is_measured, !is_measured};
            tuplestore_putvalues(result->setResult, result->setDesc, values, is_null);
        }
    });
}

} // namespace

void VannMethod::after_vacuum(Relation index, tree::BufferStore& store, const tree::OpenIndex& open,
                              double live_rows, double removed_rows) const {
    const auto& vann = static_cast<const OpenVann&>(open);
    const auto rows = static_cast<std::uint64_t>(std::max(0.0, live_rows));
    if (!is_outdated(count_removed(store, static_cast<std::uint64_t>(std::max(0.0, removed_rows))), rows))
        return;
    // A parallel worker's invalidations reach nobody; the next vacuum comes by.
    if (IsParallelWorker() || RecoveryInProgress()) return;
    Relation heap =
        pg::call([=] { return table_open(IndexGetRelation(RelationGetRelid(index), false), NoLock); });
    {
        MeasuredRows read(heap, index, vann.parameters.dimensions, MeasuredRows::Read::in_line);
        write_calibration(store, measure_now(store, vann, read, rows));
    }
    pg::call([=] { table_close(heap, NoLock); });
}

} // namespace soup::vann

using namespace soup;

// vann_calibration(index): what each recall takes, as measured last.
SOUP_FUNCTION(svec_vann_calibration) {
    const tree::IndexLock lock(PG_GETARG_OID(0), AccessShareLock);
    const tree::OpenIndexPtr open = tree::open_index(lock.index());
    vann::return_settings(fcinfo, vann::as_vann(*open, lock.index()).parameters.calibration);
    return Datum{0};
}

// vann_calibrate(index): measures now, stores and returns it.
SOUP_FUNCTION(svec_vann_calibrate) {
    const Oid index = PG_GETARG_OID(0);
    pg::call([=] {
        if (!vann::owns(index)) aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, get_rel_name(index));
    });
    const tree::IndexLock lock(index, ShareUpdateExclusiveLock);
    const tree::OpenIndexPtr open = tree::open_index(lock.index());
    const vann::OpenVann& vann = vann::as_vann(*open, lock.index());
    tree::BufferStore store(lock.index());
    vann::MeasuredRows rows(lock.heap(), lock.index(), vann.parameters.dimensions);
    const auto rows_known = static_cast<std::uint64_t>(std::max(0.0F, lock.index()->rd_rel->reltuples));
    const vann::Calibration found =
        vann::measure_now(store, vann, rows, std::max<std::uint64_t>(1, rows_known));
    vann::write_calibration(store, found);
    vann::return_settings(fcinfo, found);
    return Datum{0};
}
