// Lots are the addresses' bits, mixed (the finalizer of MurmurHash3).
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

namespace {

std::uint64_t mixed(std::uint64_t bits) noexcept {
    bits = (bits ^ bits >> 33) * 0xff51afd7ed558ccd;
    bits = (bits ^ bits >> 33) * 0xc4ceb9fe1a85ec53;
    return bits ^ bits >> 33;
}

bool is_lower(const Draw::Lot& a, const Draw::Lot& b) noexcept {
    return a.number < b.number;
}

} // namespace

void Draw::offer(tree::HeapAddress row) {
    offer({mixed(tree::as_number(row)), row});
}

void Draw::offer(const Lot& lot) {
    if (lots_.size() == wanted_) {
        if (wanted_ == 0 || !is_lower(lot, lots_.front())) return;
        std::ranges::pop_heap(lots_, is_lower);
        lots_.back() = lot;
    } else {
        lots_.push_back(lot);
    }
    std::ranges::push_heap(lots_, is_lower);
}

std::vector<Draw::Lot> Draw::lots() const {
    std::vector<Lot> sorted = lots_;
    std::ranges::sort(sorted, is_lower);
    return sorted;
}

bool Assigner::add(const float* vector, tree::HeapAddress address, std::span<const std::byte> keys) {
    if (!space_.to_point(vector, point_.data())) return false;
    const std::uint32_t cluster =
        clusters_.count() > 1 ? clusters_.nearest(point_.data(), scratch_).cluster : 0;
    draw_.offer(address);
    rows_++;
    const std::size_t point_bytes = stored_dims(layout_) * sizeof(float);
    stored_.resize(point_bytes + keys.size() + sizeof address);
    std::memcpy(stored_.data(), point_.data(), point_bytes);
    if (!keys.empty()) std::memcpy(stored_.data() + point_bytes, keys.data(), keys.size());
    std::memcpy(stored_.data() + point_bytes + keys.size(), &address, sizeof address);
    into_.put(cluster, stored_);
    return true;
}

void Assigner::merge(std::uint64_t rows, std::span<const Draw::Lot> lots) {
    rows_ += rows;
    for (const Draw::Lot& lot : lots)
        draw_.offer(lot);
}

} // namespace soup::vann
