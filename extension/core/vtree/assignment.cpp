// What is stored of a point: its coordinates, then the address of its row.
#include "core/vtree/assignment.hpp"

#include <cstring>

namespace soup::vtree {

StoredPoint read_stored(unsigned dimensions, std::span<const std::byte> bytes) noexcept {
    StoredPoint stored;
    std::memcpy(stored.point, bytes.data(), dimensions * sizeof(float));
    std::memcpy(&stored.row, bytes.data() + dimensions * sizeof(float), sizeof stored.row);
    return stored;
}

void Assigner::add(const float* point, HeapAddress row) {
    std::byte bytes[max_dimensions * sizeof(float) + sizeof(HeapAddress)];
    const std::size_t size = dimensions_ * sizeof(float);
    std::memcpy(bytes, point, size);
    std::memcpy(bytes + size, &row, sizeof row);
    into_.put(cells_.cell_of(point), {bytes, size + sizeof row});
}

} // namespace soup::vtree
