// A row's own vector, by its address: for what the codes in the index are too coarse.
#pragma once

#include "boundary/boundary.hpp"
#include "core/tree/page.hpp"

extern "C" {
#include "access/tableam.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"
}

namespace soup::vann {

/// Keeps a pin on the heap page that was read last. Like every guard of something that an abort releases too,
/// it does nothing after an ERROR; if it outlives a call, its owner closes it, or disowns it when the
/// transaction is gone.
class RowReader {
public:
    /// The snapshot stays registered by the caller.
    RowReader(Relation heap, Relation index, Snapshot snapshot);
    ~RowReader() { close(); }
    RowReader(const RowReader&) = delete;
    RowReader& operator=(const RowReader&) = delete;

    enum class Read : std::uint8_t {
        all,
        in_line, ///< No row of which a value that is needed lies outside of it.
    };
    /// The value of the index's first column in the version of the row that the snapshot sees. It lies in the
    /// reader until the next call. No value: no such version, or it is null, or it shall not be read.
    std::optional<Datum> read(tree::HeapAddress address, Read read);

    void close() noexcept;
    void disown() noexcept { fetch_ = nullptr; }

private:
    bool is_in_line();

    Snapshot snapshot_;
    IndexInfo* info_ = nullptr;
    IndexFetchTableData* fetch_ = nullptr;
    TupleTableSlot* slot_ = nullptr;
    EState* executor_ = nullptr; ///< Only for an expression.
};

} // namespace soup::vann
