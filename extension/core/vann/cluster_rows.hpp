// The rows of one cluster of a bulk build, as they come from the sorter: equal ones under one point, then in
// the slots that their leaves will have.
#pragma once

#include "core/vann/assignment.hpp"

#include <unordered_map>

namespace soup::vann {

class ClusterRows {
public:
    explicit ClusterRows(const Layout& layout);

    void clear();
    /// `is_apart`: has no part in its leaf's centroid.
    void add(const StoredRow& row, bool is_apart);
    /// That differ.
    std::size_t points() const noexcept { return points_.size() / stored_dims_; }

    /// What takes one slot of a leaf: a row, or all rows of a point.
    struct Slot {
        const float* point; ///< stored_dims() floats.
        tree::HeapAddress address;
        std::span<const std::byte> keys; ///< Of the first row.
        bool is_apart;
    };
    /// In the order of their points. A few equal rows get a slot each, many one chain, which is written.
    /// Valid until rows are added.
    std::vector<Slot> make_slots(tree::PageStore& store);

private:
    struct Row {
        std::uint32_t point;
        tree::HeapAddress address;
        bool is_apart;
    };

    const float* point(std::uint32_t number) const noexcept { return &points_[number * stored_dims_]; }
    std::span<const std::byte> keys_of(std::size_t row) const noexcept;
    /// The rows' numbers, those of equal ones one after another.
    std::vector<std::uint32_t> by_point() const;

    const Layout& layout_;
    std::size_t stored_dims_;
    std::vector<float> points_;
    std::vector<std::byte> keys_;
    std::vector<Row> rows_;
    std::unordered_multimap<std::uint64_t, std::uint32_t> by_hash_; ///< Points.
};

} // namespace soup::vann
