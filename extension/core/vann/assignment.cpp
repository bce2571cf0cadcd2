// A row in the sorter: its point, its keys, its address, nothing between them.
#include "core/vann/assignment.hpp"

#include <algorithm>
#include <cstring>

namespace soup::vann {

std::size_t stored_dims(const Layout& layout) noexcept {
    return std::max(layout.leaf_dims, layout.detail_dims);
}

StoredRow read_stored(const Layout& layout, std::span<const std::byte> bytes) noexcept {
    const std::size_t point_bytes = stored_dims(layout) * sizeof(float);
    StoredRow row{bytes.first(point_bytes), bytes.subspan(point_bytes, layout.key_bytes), {}};
    std::memcpy(&row.address, bytes.data() + point_bytes + layout.key_bytes, sizeof row.address);
    return row;
}

bool Assigner::add(const float* vector, tree::HeapAddress address, std::span<const std::byte> keys) {
    if (!space_.to_point(vector, point_.data())) return false;
    const std::uint32_t cluster =
        clusters_.count() > 1 ? clusters_.nearest(point_.data(), scratch_).cluster : 0;
    rows_++;
    const std::size_t point_bytes = stored_dims(layout_) * sizeof(float);
    stored_.resize(point_bytes + keys.size() + sizeof address);
    std::memcpy(stored_.data(), point_.data(), point_bytes);
    if (!keys.empty()) std::memcpy(stored_.data() + point_bytes, keys.data(), keys.size());
    std::memcpy(stored_.data() + point_bytes + keys.size(), &address, sizeof address);
    into_.put(cluster, stored_);
    return true;
}

} // namespace soup::vann
