// Where the rows of an index on pages in memory would lie in a table: 64 on each page.
#pragma once

#include "core/tree/page.hpp"

namespace soup::bench {

inline tree::HeapAddress address_of(std::uint32_t row) {
    return tree::as_address((std::uint64_t{row / 64} << 16) | (row % 64 + 1));
}
inline std::uint32_t row_of(tree::HeapAddress address) {
    const std::uint64_t number = tree::as_number(address);
    return static_cast<std::uint32_t>((number >> 16) * 64 + (number & 0xffff) - 1);
}

} // namespace soup::bench
