// Parallel workers for one piece of a build, and the process that hires them: the leader, which takes part in
// the work. Everything that they share lies in one segment of dynamic shared memory. How it is done is
// nbtree's way
// (_bt_begin_parallel): locks, snapshot and settings are the leader's, an error of a worker is raised in the
// leader, and an abort of the leader ends the workers and removes segment and temporary files.
//
// While a crew is there the leader is in parallel mode: no catalogue may be changed, no transaction number
// taken. Workers write no pages.
#pragma once

#include "tree/row_intake.hpp"

extern "C" {
#include "access/relscan.h"
#include "access/parallel.h"
#include "utils/tuplesort.h"
}

namespace soup::tree {

class BuildCrew {
public:
    enum class Job : std::uint8_t {
        load,   ///< Each takes a share of the heap's rows, sorted together: AccessMethod::make_loader().
        assist, ///< AccessMethod::assist().
    };
    struct Task {
        Job job;
        std::span<const std::byte> plan; ///< Copied; all see, and may change, the one copy.
        std::size_t report_bytes = 0;    ///< assist: of each worker's report.
        std::size_t memory_bytes = 0;    ///< load: of the whole build; sorters get half of it.
    };
    /// How many workers a build of this index may ask for. The rules are the server's own for btree, but that
    /// the table's size is taken with what is toasted: vectors of 500 dimensions leave a small table.
    static int workers_for(Relation heap, Relation index);
    /// Null if no worker, or no shared memory, is to be had. The work begins at once.
    static std::unique_ptr<BuildCrew> hire(Relation heap, Relation index, const IndexInfo* info, int workers,
                                           const Task& task);
    /// Without end() before it, the abort that is under way takes everything away.
    ~BuildCrew() = default;
    BuildCrew(const BuildCrew&) = delete;
    BuildCrew& operator=(const BuildCrew&) = delete;

    std::span<std::byte> plan() const noexcept { return plan_; }
    /// load: what the leader scans of the heap.
    Share leaders_share();
    /// load: a sorter of this process's share until sort(), and of all rows from then on. sort() waits for
    /// the workers and calls `on_ended` before it goes on.
    std::unique_ptr<Sorter> make_sorter(std::size_t memory_bytes, std::function<void()> on_ended);
    /// Returns when all workers have ended well; raises the error of one that has not.
    void wait();
    struct Report {
        std::span<const std::byte> bytes;
        double heap_rows;      ///< load
        std::uint64_t rows;    ///< load: that were indexed.
        bool broken_hot_chain; ///< load: IndexInfo's flag.
    };
    std::vector<Report> reports() const;
    void end();

private:
    BuildCrew() = default;

    Relation heap_ = nullptr;
    ParallelContext* context_ = nullptr;
    std::span<std::byte> plan_;
    int launched_ = 0;
};

} // namespace soup::tree
