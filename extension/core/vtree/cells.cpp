// A descent from plane to plane; and the planes as bytes, one after the other as they are in memory.
#include "core/vtree/cells.hpp"

#include "core/error.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace soup::vtree {

std::uint64_t Cells::cell_of(const float* point) const noexcept {
    std::uint64_t node = 1;
    while (node < planes_.size()) {
        const Plane& plane = planes_[node];
        node = 2 * node + (point[plane.dimension] < plane.value ? 0 : 1);
    }
    return node - planes_.size();
}

std::vector<std::byte> Cells::to_bytes() const {
    const auto bytes = std::as_bytes(std::span(planes_));
    return {bytes.begin(), bytes.end()};
}

Cells Cells::from_bytes(unsigned dimensions, std::span<const std::byte> bytes) {
    const std::size_t count = bytes.size() / sizeof(Plane);
    Cells cells;
    if (std::has_single_bit(count) && bytes.size() == count * sizeof(Plane)) {
        cells.planes_.resize(count);
        std::memcpy(cells.planes_.data(), bytes.data(), bytes.size());
        const auto cuts_space = [&](const Plane& plane) { return plane.dimension < dimensions; };
        if (std::ranges::all_of(cells.planes_, cuts_space)) return cells;
    }
    throw Error("XX000", "", "these are not the cells of an index in so many dimensions");
}

} // namespace soup::vtree
