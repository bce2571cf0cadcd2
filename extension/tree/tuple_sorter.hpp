// tree::Sorter on the server's tuplesort: rows beyond the given memory go to temporary files, which count
// against temp_file_limit and disappear with the transaction.
#pragma once

#include "boundary/boundary.hpp"
#include "core/tree/sorter.hpp"

extern "C" {
#include "executor/tuptable.h"
#include "utils/tuplesort.h"
}

namespace soup::tree {

class TupleSorter final : public Sorter {
public:
    /// With a `part`: one of the sorts that together sort what several processes have (tuplesort.h); a
    /// process's own share is only put, then sorted.
    explicit TupleSorter(std::size_t memory_bytes, SortCoordinate part = nullptr);
    ~TupleSorter() override;
    TupleSorter(const TupleSorter&) = delete;
    TupleSorter& operator=(const TupleSorter&) = delete;

    void put(std::uint64_t key, std::span<const std::byte> row) override;
    void sort() override;
    bool next(std::uint64_t& key, std::span<const std::byte>& row) override;

private:
    Tuplesortstate* state_ = nullptr;
    TupleTableSlot* slot_ = nullptr;
    std::vector<std::byte> datum_; ///< A bytea: its header, then the row.
};

} // namespace soup::tree
