// What an access method adds to the tree's drivers: one stateless object per method. The drivers (build,
// insert, vacuum, verify) and the handler's callbacks exist once, for every method.
#pragma once

#include "boundary/boundary.hpp"
#include "core/tree/geometry.hpp"
#include "core/tree/sorter.hpp"

extern "C" {
#include "nodes/execnodes.h"
#include "utils/rel.h"
}

namespace soup::tree {

class AccessMethod;
class BufferStore;

/// A row on its way into the tree: what an Item refers to.
struct ItemBuffer {
    std::vector<float> point;
    std::vector<std::byte> keys;
    std::vector<float> scratch; ///< The method's own, to spare it an allocation per row.
    HeapAddress address{};

    Item item() const noexcept { return {.point = point, .address = address, .keys = keys}; }
};

/// An index as a session knows it: the metapage as it was when the relation cache's entry was made (only
/// split_number changes without telling), and what the method made of it. Shared by scans and inserts, and
/// kept by the session until the relation cache's entry is renewed. A method may derive its own.
struct OpenIndex {
    virtual ~OpenIndex() = default;

    const AccessMethod* method = nullptr;
    Meta meta{};
    std::unique_ptr<const Geometry> geometry;
};
using OpenIndexPtr = std::shared_ptr<const OpenIndex>;

/// The index's own format is checked on the way: 55000 if it is older or newer than this library's.
OpenIndexPtr open_index(Relation index);

/// Numbers of pg_stat_progress_create_index.phase, beside the server's own 1 ("initializing").
enum class BuildPhase : std::int64_t { sampling = 2, training = 3, loading = 4, writing = 5, measuring = 6 };

/// What a builder gets from the driver.
struct BuildContext {
    Relation heap, index;
    const IndexInfo* info;
    int workers;        ///< That may be hired: build_crew.hpp.
    BufferStore& store; ///< Holds the metapage and an empty root already. Unlogged until the build's end.
    std::size_t memory_bytes; ///< maintenance_work_mem: for everything together, sorters included.
    double heap_rows;         ///< The planner's guess, may be 0 or wrong.
    /// A sorter that stays within the given memory and spills to temporary files.
    std::function<std::unique_ptr<Sorter>(std::size_t memory_bytes)> make_sorter;
};

/// What takes the rows of the heap.
class RowTaker {
public:
    virtual ~RowTaker() = default;
    /// As AccessMethod::make_item(), for sample() and add(): a builder may want the row in another form.
    virtual bool make_row(Relation index, const OpenIndex& open, const Datum* values, const bool* is_null,
                          ItemBuffer& into) const;
    /// False: the row is not indexed after all.
    virtual bool add(const ItemBuffer& row) = 0;
};

/// A bulk build of one index: sample() for about sample_rows() rows if it wants any, train(), add() for every
/// row, finish(), measure().
class BulkBuilder : public RowTaker {
public:
    virtual std::size_t sample_rows() const { return 0; }
    virtual void sample(const ItemBuffer&) {}
    virtual void train() {}
    /// Writes the tree; its root goes to root_block.
    virtual void finish() = 0;
    /// Where the builder finds out how well the index answers.
    virtual bool is_measured() const { return false; }
    virtual void measure() {}

    // Parallel workers, between train() and finish():
    /// What each make_loader() has to know. None: one process loads the rows quicker than several.
    virtual std::optional<std::vector<std::byte>> loading_plan() const { return std::nullopt; }
    /// How many rows loaders in other processes have sorted. Called from within the sorter's sort().
    virtual void add_elsewhere(std::uint64_t /*rows*/) {}
};

/// Work of a method's own in another process, for a builder that waits for it.
struct Assistance {
    Relation heap, index;
    const OpenIndex& open;
    BufferStore& store;
    std::span<std::byte> plan; ///< Shared by all who assist, and by the builder.
    std::span<std::byte> report;
};

class AccessMethod {
public:
    virtual ~AccessMethod() = default;

    virtual std::uint32_t number() const noexcept = 0; ///< Meta::method
    virtual std::uint32_t format() const noexcept = 0; ///< Meta::format that this library writes and reads.
    virtual const char* name() const noexcept = 0;     ///< As in pg_am.

    /// The metapage of a new, empty index (magic, format and method are the driver's). Refuses, in the first
    /// millisecond, columns, dimensions and options that cannot be.
    virtual Meta new_meta(Relation index) const = 0;
    /// Whether the metapage, whose numbers may be damaged, is that of an index with this one's columns.
    virtual bool is_of(Relation index, const Meta& meta) const = 0;
    /// What the metapage describes; may read further pages that it names.
    virtual std::unique_ptr<OpenIndex> open(PageStore& store, const Meta& meta) const = 0;
    /// A row's point in the geometry's space and its key columns; the address is the driver's. False: the row
    /// is not indexed. Refuses a wrong dimension with 22000. Called outside pg::call: server code that may
    /// raise goes through it.
    virtual bool make_item(Relation index, const OpenIndex& open, const Datum* values, const bool* is_null,
                           ItemBuffer& into) const = 0;
    virtual std::unique_ptr<BulkBuilder> make_builder(const OpenIndex& open,
                                                      const BuildContext& context) const = 0;

    // In a parallel worker:
    /// `plan` is the builder's loading_plan(), the metapage as train() left it. Both outlive the loader.
    virtual std::unique_ptr<RowTaker> make_loader(const OpenIndex& open, std::span<const std::byte> plan,
                                                  Sorter& into) const = 0;
    virtual void assist(const Assistance& assistance) const;

    /// After a vacuum's clean-up: may renew what the metapage says of the index's content.
    virtual void after_vacuum(Relation, BufferStore&, const OpenIndex&, double /*live_rows*/,
                              double /*removed_rows*/) const {}
};

inline bool RowTaker::make_row(Relation index, const OpenIndex& open, const Datum* values,
                               const bool* is_null, ItemBuffer& into) const {
    return open.method->make_item(index, open, values, is_null, into);
}

inline void AccessMethod::assist(const Assistance&) const {
    throw Error("XX000", "", "this access method has no work for assistants");
}

} // namespace soup::tree
