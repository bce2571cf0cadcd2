// Equal rows are found by a hash of their points' bytes.
#include "core/vann/cluster_rows.hpp"

#include "core/vann/chain_page.hpp"
#include "core/vann/leaf_page.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace soup::vann {
namespace {

std::uint64_t hash(std::span<const std::byte> bytes) {
    std::uint64_t hash = 0x9e3779b97f4a7c15;
    for (std::size_t i = 0; i + sizeof hash <= bytes.size(); i += sizeof hash) {
        std::uint64_t word;
        std::memcpy(&word, bytes.data() + i, sizeof word);
        hash = (hash ^ word) * 0xff51afd7ed558ccd;
        hash ^= hash >> 32;
    }
    return hash;
}

} // namespace

ClusterRows::ClusterRows(const Layout& layout) : layout_(layout), stored_dims_(stored_dims(layout)) {}

void ClusterRows::clear() {
    points_.clear();
    keys_.clear();
    rows_.clear();
    by_hash_.clear();
}

void ClusterRows::add(const StoredRow& row, bool is_apart) {
    const std::uint64_t key = hash(row.point);
    const auto [first, last] = by_hash_.equal_range(key);
    const auto same = std::find_if(first, last, [&](const auto& known) {
        return std::memcmp(point(known.second), row.point.data(), row.point.size()) == 0;
    });
    auto number = static_cast<std::uint32_t>(points());
    if (same != last) {
        number = same->second;
    } else {
        points_.resize(points_.size() + stored_dims_);
        std::memcpy(&points_[number * stored_dims_], row.point.data(), row.point.size());
        by_hash_.insert({key, number});
    }
    keys_.insert(keys_.end(), row.keys.begin(), row.keys.end());
    rows_.push_back({number, row.address, is_apart});
}

std::span<const std::byte> ClusterRows::keys_of(std::size_t row) const noexcept {
    return std::span(keys_).subspan(row * layout_.key_bytes, layout_.key_bytes);
}

std::vector<std::uint32_t> ClusterRows::by_point() const {
    std::vector<std::uint32_t> order(rows_.size());
    std::iota(order.begin(), order.end(), 0);
    if (points() < rows_.size())
        std::ranges::stable_sort(order, {}, [&](std::uint32_t row) { return rows_[row].point; });
    return order;
}

std::vector<ClusterRows::Slot> ClusterRows::make_slots(tree::PageStore& store) {
    const std::vector<std::uint32_t> order = by_point();
    std::vector<Slot> slots;
    slots.reserve(order.size());
    for (std::size_t first = 0, last = 0; first < order.size(); first = last) {
        const std::uint32_t number = rows_[order[first]].point;
        while (last < order.size() && rows_[order[last]].point == number)
            last++;
        const auto equals = std::span(order).subspan(first, last - first);
        if (equals.size() <= layout_.equals_max) {
            for (const std::uint32_t row : equals)
                slots.push_back({point(number), rows_[row].address, keys_of(row), rows_[row].is_apart});
            continue;
        }
        std::vector<ChainEntry> entries;
        entries.reserve(equals.size());
        for (const std::uint32_t row : equals)
            entries.push_back({rows_[row].address, keys_of(row)});
        slots.push_back({point(number), chain_address(write_chain(store, layout_, entries)),
                         keys_of(equals.front()), false});
    }
    return slots;
}

} // namespace soup::vann
