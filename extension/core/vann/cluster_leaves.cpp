// A centroid is the mean of those rows that have a part in it, or of all if none has.
#include "core/vann/cluster_leaves.hpp"

#include "core/simd/dispatch.hpp"
#include "core/vann/division.hpp"

#include <algorithm>

namespace soup::vann {

using Slots = std::span<const ClusterRows::Slot>;

void ClusterLeaves::make(Slots slots, std::size_t target, const KmeansOptions& options) {
    count_ = 0;
    if (slots.size() <= layout_.leaf.capacity) return make_early_divided(slots);
    std::vector<float> points;
    points.reserve(slots.size() * layout_.leaf_dims);
    for (const ClusterRows::Slot& slot : slots)
        points.insert(points.end(), slot.point, slot.point + layout_.leaf_dims);
    const Division division =
        divide_within({points.data(), slots.size(), layout_.leaf_dims}, (slots.size() + target - 1) / target,
                      layout_.leaf.capacity, options);
    std::vector<std::vector<ClusterRows::Slot>> groups(division.groups);
    for (std::size_t i = 0; i < slots.size(); i++)
        groups[division.group[i]].push_back(slots[i]);
    for (const auto& group : groups)
        make_early_divided(group);
}

void ClusterLeaves::make_early_divided(Slots slots) {
    if (!layout_.has_details()) return make_one(slots);
    Points points{{}, static_cast<unsigned>(slots.size()), layout_.leaf_dims, layout_.leaf_dims};
    points.floats.reserve(slots.size() * layout_.leaf_dims);
    for (const ClusterRows::Slot& slot : slots)
        points.floats.insert(points.floats.end(), slot.point, slot.point + layout_.leaf_dims);
    const std::vector<bool> is_right = divide_early(points);
    if (is_right.empty()) return make_one(slots);
    for (const bool side : {false, true}) {
        std::vector<ClusterRows::Slot> half;
        for (std::size_t i = 0; i < slots.size(); i++)
            if (is_right[i] == side) half.push_back(slots[i]);
        make_early_divided(half);
    }
}

void ClusterLeaves::make_one(Slots slots) {
    const std::size_t dims = layout_.leaf_dims;
    std::vector<double> sums(dims);
    std::size_t counted = 0;
    const bool all_apart = std::ranges::all_of(slots, &ClusterRows::Slot::is_apart);
    for (const ClusterRows::Slot& slot : slots) {
        if (!all_apart && slot.is_apart) continue;
        simd::kernels().accumulate(sums.data(), slot.point, dims);
        counted++;
    }
    std::vector<float> centroid(dims);
    for (std::size_t i = 0; i < dims; i++)
        centroid[i] = static_cast<float>(sums[i] / static_cast<double>(counted));

    if (count_ == drafts_.size()) drafts_.emplace_back(layout_);
    LeafDraft& draft = drafts_[count_++];
    draft.begin(centroid.data());
    for (const ClusterRows::Slot& slot : slots) {
        const float norm = layout_.has_norms() ? exact_squared_norm(slot.point, layout_.padded) : 0;
        draft.add(slot.point, slot.address, slot.keys, norm);
    }
}

} // namespace soup::vann
