// Sorting more rows than memory holds, without saying how: the server's tuplesort is one implementation
// (extension/tree/tuple_sorter), a vector in memory another (tests).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace soup::tree {

/// Takes rows, sorts them once, hands them out once. Rows of equal keys come in any order.
class Sorter {
public:
    virtual ~Sorter() = default;

    virtual void put(std::uint64_t key, std::span<const std::byte> row) = 0;
    /// Ends put() and sorts.
    virtual void sort() = 0;
    /// The next row in ascending order of keys; valid until the next call. False after the last one.
    virtual bool next(std::uint64_t& key, std::span<const std::byte>& row) = 0;
};

} // namespace soup::tree
