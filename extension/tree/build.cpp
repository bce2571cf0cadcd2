// CREATE INDEX and REINDEX: metapage and empty root, a pass for a sample if the method wants one, a pass for
// all rows, and the log at the end.
#include "core/tree/insert.hpp"

#include "boundary/memory.hpp"
#include "tree/address.hpp"
#include "tree/buffer_store.hpp"
#include "tree/drivers.hpp"
#include "tree/tuple_sorter.hpp"

extern "C" {
#include "access/tableam.h"
#include "commands/progress.h"
#include "common/pg_prng.h"
#include "pgstat.h"
#include "utils/sampling.h"
}

namespace soup::tree {
namespace {

void enter_phase(BuildPhase phase) {
    pg::call([=] {
        pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, static_cast<std::int64_t>(phase));
        CHECK_FOR_INTERRUPTS();
    });
}

/// Rows on their way from a scan of the heap to the builder.
struct Intake {
    Relation index;
    const OpenIndex& open;
    BulkBuilder& builder;
    MemoryContext scratch; ///< Reset for each row.
    bool is_sample;
    double take = 1; ///< The part of the rows that a sample takes.
    std::size_t wanted = 0;
    pg_prng_state random{};
    std::uint64_t taken = 0;
    ItemBuffer row{};
};

void take_row(Intake& intake, ItemPointer address, const Datum* values, const bool* is_null) {
    if (intake.is_sample) {
        if (intake.taken >= intake.wanted) return;
        if (intake.take < 1 && pg_prng_double(&intake.random) >= intake.take) return;
    }
    {
        const pg::ContextScope scope(intake.scratch);
        MemoryContextReset(intake.scratch);
        if (!intake.builder.make_row(intake.index, intake.open, values, is_null, intake.row)) return;
    }
    if (intake.is_sample) {
        ++intake.taken;
        return intake.builder.sample(intake.row);
    }
    intake.row.address = to_address(*address);
    if (!intake.builder.add(intake.row)) return;
    ++intake.taken;
    constexpr std::uint64_t report_each = 256;
    if (intake.taken % report_each == 0)
        pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, static_cast<std::int64_t>(intake.taken));
}

/// IndexBuildCallback.
void take_row_callback(Relation, ItemPointer row, Datum* values, bool* is_null, bool /*is_alive*/,
                       void* state) {
    pg::entry([&] { take_row(*static_cast<Intake*>(state), row, values, is_null); });
}

/// Rows from blocks all over the heap, in a random choice that is the same for the same heap: a build can be
/// repeated.
void sample(Intake& intake, Relation heap, IndexInfo* info, double heap_rows) {
    pg::call([&] {
        constexpr std::uint32_t seed = 20260101;
        const BlockNumber blocks = RelationGetNumberOfBlocks(heap);
        // A row from each of many blocks is a better sample than all rows from a few; rows that came together
        // are often alike. Two blocks a row leave room for a wrong guess of the rows.
        const double wanted_blocks = std::min<double>(blocks, 2.0 * static_cast<double>(intake.wanted));
        const double rows_a_block = heap_rows > 0 && blocks > 0 ? heap_rows / blocks : 1;
        intake.take = 1.2 * static_cast<double>(intake.wanted) / std::max(1.0, wanted_blocks * rows_a_block);
        pg_prng_seed(&intake.random, seed);
        BlockSamplerData sampler;
        BlockSampler_Init(&sampler, blocks, static_cast<int>(std::min(wanted_blocks, 1e9)), seed);
        while (BlockSampler_HasMore(&sampler) && intake.taken < intake.wanted) {
            CHECK_FOR_INTERRUPTS();
            const BlockNumber block = BlockSampler_Next(&sampler);
            table_index_build_range_scan(heap, intake.index, info, false, true, false, block, 1,
                                         take_row_callback, &intake, nullptr);
        }
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

    BuildContext context{
        .heap = heap,
        .index = index,
        .store = store,
        .memory_bytes = static_cast<std::size_t>(maintenance_work_mem) * 1024,
        .heap_rows = guess_rows(heap),
        .make_sorter = [](std::size_t bytes) { return std::make_unique<TupleSorter>(bytes); },
        .enter_phase = enter_phase};
    const std::unique_ptr<BulkBuilder> builder = method.make_builder(*open, context);
    const pg::OwnedContext scratch("soupvec build");

    const std::size_t wanted = builder->sample_rows();
    if (wanted > 0) {
        enter_phase(BuildPhase::sampling);
        Intake intake{.index = index,
                      .open = *open,
                      .builder = *builder,
                      .scratch = scratch.get(),
                      .is_sample = true,
                      .wanted = wanted};
        sample(intake, heap, info, context.heap_rows);
        enter_phase(BuildPhase::training);
    }
    builder->train();

    enter_phase(BuildPhase::loading);
    Intake intake{
        .index = index, .open = *open, .builder = *builder, .scratch = scratch.get(), .is_sample = false};
    const double heap_rows = pg::call([&] {
        return table_index_build_scan(heap, index, info, true, true, take_row_callback, &intake, nullptr);
    });
    enter_phase(BuildPhase::writing);
    builder->finish();
    store.log_all_pages();

    return pg::call([&] {
        auto* result = static_cast<IndexBuildResult*>(palloc(sizeof(IndexBuildResult)));
        result->heap_tuples = heap_rows;
        result->index_tuples = static_cast<double>(intake.taken);
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
        return "finding centroids";
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
