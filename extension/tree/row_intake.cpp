// The server's scan for index builds calls back for each row.
#include "tree/row_intake.hpp"

#include "boundary/memory.hpp"
#include "tree/address.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/tableam.h"
#include "commands/progress.h"
#include "common/pg_prng.h"
#include "pgstat.h"
#include "utils/sampling.h"
}

namespace soup::tree {
namespace {

constexpr std::uint64_t report_each = 256;

struct Intake {
    Relation index;
    const OpenIndex& open;
    MemoryContext scratch; ///< Reset for each row.
    std::uint64_t taken = 0;
    ItemBuffer row{};

    bool make_row(const RowTaker& taker, const Datum* values, const bool* is_null) {
        const pg::ContextScope scope(scratch);
        MemoryContextReset(scratch);
        return taker.make_row(index, open, values, is_null, row);
    }
};

struct Sampling : Intake {
    BulkBuilder& builder;
    double take; ///< The part of the rows that are taken.
    std::size_t wanted;
    pg_prng_state random;
};

struct Loading : Intake {
    RowTaker& taker;
    std::atomic<std::uint64_t>* rows_so_far;
};

void sample_row(Sampling& intake, const Datum* values, const bool* is_null) {
    if (intake.taken >= intake.wanted) return;
    if (intake.take < 1 && pg_prng_double(&intake.random) >= intake.take) return;
    if (!intake.make_row(intake.builder, values, is_null)) return;
    ++intake.taken;
    intake.builder.sample(intake.row);
}

void load_row(Loading& intake, ItemPointer address, const Datum* values, const bool* is_null) {
    if (!intake.make_row(intake.taker, values, is_null)) return;
    intake.row.address = to_address(*address);
    if (!intake.taker.add(intake.row)) return;
    ++intake.taken;
    if (intake.taken % report_each != 0) return;
    std::uint64_t rows = intake.taken;
    if (intake.rows_so_far != nullptr) rows = *intake.rows_so_far += report_each;
    if (!IsParallelWorker())
        pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, static_cast<std::int64_t>(rows));
}

/// IndexBuildCallback, as is the next.
void sample_callback(Relation, ItemPointer, Datum* values, bool* is_null, bool /*is_alive*/, void* state) {
    pg::entry([&] { sample_row(*static_cast<Sampling*>(state), values, is_null); });
}
void load_callback(Relation, ItemPointer row, Datum* values, bool* is_null, bool /*is_alive*/, void* state) {
    pg::entry([&] { load_row(*static_cast<Loading*>(state), row, values, is_null); });
}

} // namespace

void sample_rows(BulkBuilder& builder, Relation heap, Relation index, IndexInfo* info, const OpenIndex& open,
                 double heap_rows) {
    const pg::OwnedContext scratch("soupvec sample");
    const std::size_t wanted = builder.sample_rows();
    Sampling intake{{.index = index, .open = open, .scratch = scratch.get()}, builder, 1, wanted, {}};
    pg::call([&] {
        constexpr std::uint32_t seed = 20260101;
        const BlockNumber blocks = RelationGetNumberOfBlocks(heap);
        // A row from each of many blocks is a better sample than all rows from a few; rows that came together
        // are often alike. Two blocks a row leave room for a wrong guess of the rows.
        const double wanted_blocks = std::min<double>(blocks, 2.0 * static_cast<double>(wanted));
        const double rows_a_block = heap_rows > 0 && blocks > 0 ? heap_rows / blocks : 1;
        intake.take = 1.2 * static_cast<double>(wanted) / std::max(1.0, wanted_blocks * rows_a_block);
        pg_prng_seed(&intake.random, seed);
        BlockSamplerData sampler;
        BlockSampler_Init(&sampler, blocks, static_cast<int>(std::min(wanted_blocks, 1e9)), seed);
        while (BlockSampler_HasMore(&sampler) && intake.taken < wanted) {
            CHECK_FOR_INTERRUPTS();
            const BlockNumber block = BlockSampler_Next(&sampler);
            table_index_build_range_scan(heap, index, info, false, true, false, block, 1, sample_callback,
                                         &intake, nullptr);
        }
    });
}

Loaded load_rows(RowTaker& taker, Relation heap, Relation index, IndexInfo* info, const OpenIndex& open,
                 const Share& share) {
    const pg::OwnedContext scratch("soupvec build");
    Loading intake{{.index = index, .open = open, .scratch = scratch.get()}, taker, share.rows_so_far};
    const double heap_rows = pg::call([&] {
        return table_index_build_scan(heap, index, info, share.scan == nullptr, !IsParallelWorker(),
                                      load_callback, &intake, share.scan);
    });
    return {heap_rows, intake.taken};
}

} // namespace soup::tree
