// CREATE INDEX and REINDEX: metapage and empty root, a pass for a sample if the method wants one, a pass for
// all rows, alone or with workers, and the log at the end.
#include "core/tree/insert.hpp"

#include "tree/buffer_store.hpp"
#include "tree/build_crew.hpp"
#include "tree/drivers.hpp"
#include "tree/row_intake.hpp"
#include "tree/tuple_sorter.hpp"

extern "C" {
#include "access/tableam.h"
#include "commands/progress.h"
#include "pgstat.h"
}

namespace soup::tree {
namespace {

void enter_phase(BuildPhase phase) {
    pg::call([=] {
        pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, static_cast<std::int64_t>(phase));
        CHECK_FOR_INTERRUPTS();
    });
}

/// reltuples may be unknown (-1) in a table that was never analysed: then from its width and pages.
double guess_rows(Relation heap) {
    return pg::call([=] {
        BlockNumber pages = 0;
        double rows = 0, all_visible = 0;
        table_relation_estimate_size(heap, nullptr, &pages, &rows, &all_visible);
        return rows;
    });
}

/// The metapage and an empty root; what else is in it is the method's.
Meta create_file(const AccessMethod& method, Relation index, BufferStore& store) {
    Meta meta = method.new_meta(index);
    meta.magic = meta_magic;
    meta.format = method.format();
    meta.method = method.number();
    meta.split_number = 0;
    create(store, meta);
    return meta;
}

} // namespace

IndexBuildResult* build(const AccessMethod& method, Relation heap, Relation index, IndexInfo* info) {
    BufferStore store(index, Logging::at_end);
    const std::unique_ptr<const OpenIndex> open = method.open(store, create_file(method, index, store));

    std::unique_ptr<BuildCrew> crew;
    Loaded loaded{};
    std::unique_ptr<BulkBuilder> builder;
    const auto take_reports = [&] {
        for (const BuildCrew::Report& report : crew->reports()) {
            builder->add_elsewhere(report.rows);
            loaded.rows += report.rows;
            loaded.heap_rows += report.heap_rows;
            info->ii_BrokenHotChain = info->ii_BrokenHotChain || report.broken_hot_chain;
        }
    };
    const BuildContext context{.heap = heap,
                               .index = index,
                               .info = info,
                               .workers = BuildCrew::workers_for(heap, index),
                               .store = store,
                               .memory_bytes = static_cast<std::size_t>(maintenance_work_mem) * 1024,
                               .heap_rows = guess_rows(heap),
                               .make_sorter = [&](std::size_t bytes) -> std::unique_ptr<Sorter> {
                                   if (crew) return crew->make_sorter(bytes, take_reports);
                                   return std::make_unique<TupleSorter>(bytes);
                               }};
    builder = method.make_builder(*open, context);

    if (builder->sample_rows() > 0) {
        enter_phase(BuildPhase::sampling);
        sample_rows(*builder, heap, index, info, *open, context.heap_rows);
        enter_phase(BuildPhase::training);
    }
    builder->train();

    enter_phase(BuildPhase::loading);
    if (const auto plan = context.workers > 0 ? builder->loading_plan() : std::nullopt)
        crew = BuildCrew::hire(
            heap, index, info, context.workers,
            {.job = BuildCrew::Job::load, .plan = *plan, .memory_bytes = context.memory_bytes});
    const Share share = crew ? crew->leaders_share() : Share{};
    const Loaded own = load_rows(*builder, heap, index, info, *open, share);
    enter_phase(BuildPhase::writing);
    builder->finish();
    loaded.rows += own.rows;
    loaded.heap_rows += own.heap_rows;
    if (crew) crew->end();
    crew.reset();
    if (builder->is_measured()) {
        enter_phase(BuildPhase::measuring);
        builder->measure();
    }
    store.log_all_pages();

    return pg::call([&] {
        auto* result = static_cast<IndexBuildResult*>(palloc(sizeof(IndexBuildResult)));
        result->heap_tuples = loaded.heap_rows;
        result->index_tuples = static_cast<double>(loaded.rows);
        return result;
    });
}

void build_empty(const AccessMethod& method, Relation index) {
    BufferStore store(index, Logging::at_end, INIT_FORKNUM);
    create_file(method, index, store);
    store.log_all_pages();
}

const char* build_phase_name(std::int64_t phase) noexcept {
    switch (phase) {
    case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
        return "initializing";
    case static_cast<std::int64_t>(BuildPhase::sampling):
        return "sampling rows";
    case static_cast<std::int64_t>(BuildPhase::training):
        return "learning from the sample";
    case static_cast<std::int64_t>(BuildPhase::loading):
        return "loading rows";
    case static_cast<std::int64_t>(BuildPhase::writing):
        return "writing pages";
    case static_cast<std::int64_t>(BuildPhase::measuring):
        return "measuring recall";
    default:
        return nullptr;
    }
}

} // namespace soup::tree
