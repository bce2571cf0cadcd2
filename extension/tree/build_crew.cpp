// The segment's table of contents, the leader's side and the worker's.
#include "tree/build_crew.hpp"

#include "library_version.hpp"
#include "tree/buffer_store.hpp"
#include "tree/tuple_sorter.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_proc.h"
#include "commands/progress.h"
#include "executor/instrument.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/paths.h"
#include "pgstat.h"
#include "tcop/tcopprot.h"
#include "utils/snapmgr.h"
}

namespace soup::tree {
namespace {

enum Key : std::uint64_t {
    header_key = 1,
    plan_key,
    reports_key,
    scan_key,
    sort_key,
    text_key,
    buffers_key,
    wal_key
};

struct Header {
    Oid heap, index;
    bool is_concurrent;
    BuildCrew::Job job;
    int participants; ///< Of a load: the workers that were asked for and the leader.
    std::size_t plan_bytes, report_bytes, sorter_bytes;
    std::atomic<std::uint64_t> rows;
};

/// Before each worker's bytes.
struct ReportHead {
    double heap_rows;
    std::uint64_t rows;
    bool broken_hot_chain;
};

std::size_t report_stride(const Header& header) {
    return MAXALIGN(sizeof(ReportHead)) + MAXALIGN(header.report_bytes);
}

template<class T>
T* look_up(shm_toc* contents, Key key) {
    return static_cast<T*>(shm_toc_lookup(contents, key, false));
}

ReportHead* report_of(shm_toc* contents, int worker) {
    return reinterpret_cast<ReportHead*>(look_up<std::byte>(contents, reports_key) +
                                         static_cast<std::size_t>(worker) *
                                             report_stride(*look_up<Header>(contents, header_key)));
}

std::span<std::byte> report_bytes_of(shm_toc* contents, int worker) {
    return {reinterpret_cast<std::byte*>(report_of(contents, worker)) + MAXALIGN(sizeof(ReportHead)),
            look_up<Header>(contents, header_key)->report_bytes};
}

void* reserve(ParallelContext* context, Key key, std::size_t bytes) {
    void* place = shm_toc_allocate(context->toc, bytes);
    std::memset(place, 0, bytes);
    shm_toc_insert(context->toc, key, place);
    return place;
}

/// A sort that several processes feed. Each sorts its own rows to a file; the leader merges the files, a
/// piece of each at a time: pieces that stay in the processor's cache, where the sort would read whole files
/// into as much memory as it is given.
class CrewSorter final : public Sorter {
public:
    static constexpr std::size_t piece_bytes = std::size_t{1} << 20;

    CrewSorter(std::size_t share_bytes, std::size_t merge_bytes, Sharedsort* shared, int participants,
               std::function<void()> wait)
        : share_{.isWorker = true, .nParticipants = -1, .sharedsort = shared}, merge_{.isWorker = false,
                                                                                      .nParticipants =
                                                                                          participants,
                                                                                      .sharedsort = shared},
          merge_bytes_(std::min(merge_bytes, static_cast<std::size_t>(participants) * piece_bytes)),
          wait_(std::move(wait)), sorter_(std::in_place, share_bytes, &share_) {}

    void put(std::uint64_t key, std::span<const std::byte> row) override { sorter_->put(key, row); }
    void sort() override {
        sorter_->sort();
        wait_();
        sorter_.emplace(merge_bytes_, &merge_);
        sorter_->sort();
    }
    bool next(std::uint64_t& key, std::span<const std::byte>& row) override {
        return sorter_->next(key, row);
    }

private:
    SortCoordinateData share_, merge_;
    std::size_t merge_bytes_;
    std::function<void()> wait_;
    std::optional<TupleSorter> sorter_;
};

/// Expressions and predicate may run anywhere. Server code, as is the next.
bool is_parallel_safe(Relation index) {
    Query* all = makeNode(Query);
    all->commandType = CMD_SELECT;
    all->targetList = RelationGetIndexExpressions(index);
    all->jointree = makeFromExpr(NIL, reinterpret_cast<Node*>(RelationGetIndexPredicate(index)));
    return max_parallel_hazard(all) == PROPARALLEL_SAFE;
}

double pages_of(Relation heap) {
    double pages = RelationGetNumberOfBlocks(heap);
    if (!OidIsValid(heap->rd_rel->reltoastrelid)) return pages;
    Relation toast = table_open(heap->rd_rel->reltoastrelid, AccessShareLock);
    pages += RelationGetNumberOfBlocks(toast);
    table_close(toast, AccessShareLock);
    return pages;
}

} // namespace

int BuildCrew::workers_for(Relation heap, Relation index) {
    return pg::call([=] {
        if (!IsUnderPostmaster || max_parallel_maintenance_workers == 0) return 0;
        if (heap->rd_rel->relpersistence == RELPERSISTENCE_TEMP || !is_parallel_safe(index)) return 0;
        const int wanted = RelationGetParallelWorkers(heap, -1);
        if (wanted >= 0) return std::min(wanted, max_parallel_maintenance_workers);
        const double pages = pages_of(heap);
        int workers = 0;
        double enough = std::max(1, min_parallel_table_scan_size);
        while (pages >= enough && workers < max_parallel_maintenance_workers) {
            ++workers;
            enough *= 3;
        }
        constexpr int least_kilobytes = 32 * 1024; // Of each process.
        return std::clamp(maintenance_work_mem / least_kilobytes - 1, 0, workers);
    });
}

std::unique_ptr<BuildCrew> BuildCrew::hire(Relation heap, Relation index, const IndexInfo* info, int workers,
                                           const Task& task) {
    if (workers == 0) return nullptr;
    std::unique_ptr<BuildCrew> crew(new BuildCrew);
    const std::string library = std::string("$libdir/soupvec-") + library_version;
    crew->heap_ = heap;
    ParallelContext*& context = crew->context_;
    const bool is_hired = pg::call([&] {
        // The tree's companions carry the transaction's number, which cannot be taken in parallel mode.
        GetTopTransactionId();
        // What workers read by, when they read rows by a snapshot: nothing that was committed by now is
        // missing.
        PushActiveSnapshot(GetLatestSnapshot());
        EnterParallelMode();
        context = CreateParallelContext(library.c_str(), "soupvec_worker_main", workers);
        const bool loads = task.job == Job::load;
        Snapshot snapshot = SnapshotAny;
        if (loads && info->ii_Concurrent) snapshot = RegisterSnapshot(GetTransactionSnapshot());

        Header header{.heap = RelationGetRelid(heap),
                      .index = RelationGetRelid(index),
                      .is_concurrent = info->ii_Concurrent,
                      .job = task.job,
                      .participants = workers + 1,
                      .plan_bytes = task.plan.size(),
                      .report_bytes = task.report_bytes,
                      .sorter_bytes = task.memory_bytes / 2 / static_cast<std::size_t>(workers + 1),
                      .rows = 0};
        const std::size_t reports = report_stride(header) * static_cast<std::size_t>(workers);
        const std::size_t plan = std::max<std::size_t>(1, task.plan.size());
        const char* text = debug_query_string != nullptr ? debug_query_string : "";
        const std::size_t scan = loads ? table_parallelscan_estimate(heap, snapshot) : 0;
        const std::size_t sort = loads ? tuplesort_estimate_shared(workers + 1) : 0;
        const std::size_t buffers = sizeof(BufferUsage) * static_cast<std::size_t>(workers);
        const std::size_t wal = sizeof(WalUsage) * static_cast<std::size_t>(workers);
        int pieces = 0;
        for (const std::size_t bytes :
             {sizeof(Header), plan, reports, scan, sort, std::strlen(text) + 1, buffers, wal}) {
            if (bytes == 0) continue;
            shm_toc_estimate_chunk(&context->estimator, bytes);
            ++pieces;
        }
        shm_toc_estimate_keys(&context->estimator, pieces);
        InitializeParallelDSM(context);
        // All that needs the segment; without one the parallel context has memory of its own and no workers.
        if (context->seg != nullptr) {
            auto* shared = static_cast<Header*>(reserve(context, header_key, sizeof(Header)));
            std::memcpy(static_cast<void*>(shared), &header, sizeof header);
            void* copy = reserve(context, plan_key, plan);
            if (!task.plan.empty()) std::memcpy(copy, task.plan.data(), task.plan.size());
            crew->plan_ = {static_cast<std::byte*>(copy), task.plan.size()};
            reserve(context, reports_key, reports);
            if (loads) {
                table_parallelscan_initialize(
                    heap, static_cast<ParallelTableScanDesc>(reserve(context, scan_key, scan)), snapshot);
                tuplesort_initialize_shared(static_cast<Sharedsort*>(reserve(context, sort_key, sort)),
                                            workers + 1, context->seg);
            }
            strcpy(static_cast<char*>(reserve(context, text_key, std::strlen(text) + 1)), text);
            reserve(context, buffers_key, buffers);
            reserve(context, wal_key, wal);
            LaunchParallelWorkers(context);
            crew->launched_ = context->nworkers_launched;
        }
        // The active snapshot is older, and keeps what this one sees.
        if (IsMVCCSnapshot(snapshot)) UnregisterSnapshot(snapshot);
        ereport(DEBUG1, errmsg_internal("%s of index \"%s\" by %d of %d parallel workers",
                                        loads ? "loading" : "measuring", RelationGetRelationName(index),
                                        crew->launched_, workers));
        return crew->launched_ > 0;
    });
    if (is_hired) return crew;
    crew->end();
    return nullptr;
}

Share BuildCrew::leaders_share() {
    return pg::call([this] {
        return Share{
            table_beginscan_parallel(heap_, look_up<ParallelTableScanDescData>(context_->toc, scan_key)),
            &look_up<Header>(context_->toc, header_key)->rows};
    });
}

std::unique_ptr<Sorter> BuildCrew::make_sorter(std::size_t memory_bytes, std::function<void()> on_ended) {
    Header* header = nullptr;
    Sharedsort* shared = nullptr;
    pg::call([&] {
        header = look_up<Header>(context_->toc, header_key);
        shared = look_up<Sharedsort>(context_->toc, sort_key);
    });
    return std::make_unique<CrewSorter>(header->sorter_bytes, memory_bytes, shared, launched_ + 1,
                                        [this, on_ended = std::move(on_ended)] {
                                            wait();
                                            on_ended();
                                        });
}

void BuildCrew::wait() {
    pg::call([this] {
        WaitForParallelWorkersToFinish(context_);
        for (int i = 0; i < launched_; ++i)
            InstrAccumParallelQuery(look_up<BufferUsage>(context_->toc, buffers_key) + i,
                                    look_up<WalUsage>(context_->toc, wal_key) + i);
    });
}

std::vector<BuildCrew::Report> BuildCrew::reports() const {
    std::vector<Report> reports;
    for (int i = 0; i < launched_; ++i) {
        const ReportHead& head = *report_of(context_->toc, i);
        reports.push_back(
            {report_bytes_of(context_->toc, i), head.heap_rows, head.rows, head.broken_hot_chain});
    }
    return reports;
}

void BuildCrew::end() {
    pg::call([this] {
        DestroyParallelContext(context_);
        ExitParallelMode();
        PopActiveSnapshot();
    });
}

// --- The worker's side ------------------------------------------------------------------------------------

namespace {

void load_share(Relation heap, Relation index, IndexInfo* info, const OpenIndex& open, dsm_segment* segment,
                shm_toc* contents) {
    auto& header = *look_up<Header>(contents, header_key);
    auto* shared = look_up<Sharedsort>(contents, sort_key);
    TableScanDesc scan = pg::call([&] {
        tuplesort_attach_shared(shared, segment);
        return table_beginscan_parallel(heap, look_up<ParallelTableScanDescData>(contents, scan_key));
    });
    SortCoordinateData share{.isWorker = true, .nParticipants = -1, .sharedsort = shared};
    TupleSorter sorter(header.sorter_bytes, &share);
    const std::span<const std::byte> plan(look_up<std::byte>(contents, plan_key), header.plan_bytes);
    const std::unique_ptr<RowTaker> loader = open.method->make_loader(open, plan, sorter);
    const Loaded loaded =
        load_rows(*loader, heap, index, info, open, {.scan = scan, .rows_so_far = &header.rows});
    sorter.sort();
    *report_of(contents, ParallelWorkerNumber) = {loaded.heap_rows, loaded.rows, info->ii_BrokenHotChain};
}

void work(dsm_segment* segment, shm_toc* contents) {
    Header* header = nullptr;
    Relation heap = nullptr, index = nullptr;
    IndexInfo* info = nullptr;
    LOCKMODE heap_lock = NoLock, index_lock = NoLock;
    pg::call([&] {
        header = look_up<Header>(contents, header_key);
        debug_query_string = look_up<char>(contents, text_key);
        pgstat_report_activity(STATE_RUNNING, debug_query_string);
        // The locks that the leader has; the group shares them.
        heap_lock = header->is_concurrent ? ShareUpdateExclusiveLock : ShareLock;
        index_lock = header->is_concurrent ? RowExclusiveLock : AccessExclusiveLock;
        heap = table_open(header->heap, heap_lock);
        index = index_open(header->index, index_lock);
        info = BuildIndexInfo(index);
        info->ii_Concurrent = header->is_concurrent;
        InstrStartParallelQuery();
    });
    {
        const OpenIndexPtr open = open_index(index);
        if (header->job == BuildCrew::Job::load) {
            load_share(heap, index, info, *open, segment, contents);
        } else {
            BufferStore store(index, Logging::at_end);
            open->method->assist({.heap = heap,
                                  .index = index,
                                  .open = *open,
                                  .store = store,
                                  .plan = {look_up<std::byte>(contents, plan_key), header->plan_bytes},
                                  .report = report_bytes_of(contents, ParallelWorkerNumber)});
        }
    }
    pg::call([&] {
        InstrEndParallelQuery(look_up<BufferUsage>(contents, buffers_key) + ParallelWorkerNumber,
                              look_up<WalUsage>(contents, wal_key) + ParallelWorkerNumber);
        index_close(index, index_lock);
        table_close(heap, heap_lock);
    });
}

} // namespace
} // namespace soup::tree

extern "C" {
SOUP_EXPORT void soupvec_worker_main(dsm_segment* segment, shm_toc* contents);
/// Where a worker's process begins, in this very library: the leader names it.
void soupvec_worker_main(dsm_segment* segment, shm_toc* contents) {
    soup::pg::entry([=] { soup::tree::work(segment, contents); });
}
}
