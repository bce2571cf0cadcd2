// Divides the children of a level into pages by balanced k-means on their centroids, level by level, until
// one page is left for the root.
#include "core/vann/inner_builder.hpp"

#include <algorithm>
#include <numeric>

namespace soup::vann {
namespace {

constexpr double inner_fill = 0.75;           ///< The rest is for children that split.
constexpr std::size_t pages_at_once_min = 32; ///< Fewer would make the division poor, whatever memory says.

} // namespace

InnerBuilder::InnerBuilder(tree::PageStore& store, const VannGeometry& geometry, std::size_t memory_bytes,
                           const KmeansOptions& kmeans)
    : store_(store), geometry_(geometry), layout_(geometry.layout()), kmeans_(kmeans),
      held_max_(std::max<std::size_t>(pages_at_once_min * layout_.inner.capacity,
                                      memory_bytes / (layout_.leaf_dims * sizeof(float)))) {}

void InnerBuilder::add(std::size_t level, tree::Block block, std::span<const float> centroid, float spread) {
    if (levels_.size() <= level) levels_.resize(level + 1);
    if (levels_[level].blocks.size() == held_max_) group(level);
    levels_[level].blocks.push_back(block);
    levels_[level].centroids.insert(levels_[level].centroids.end(), centroid.begin(), centroid.end());
    levels_[level].spreads.push_back(spread);
}

std::vector<tree::Child> InnerBuilder::children(const Level& level,
                                                const std::vector<std::uint32_t>& chosen) const {
    std::vector<tree::Child> children;
    for (const std::uint32_t i : chosen) {
        const float* centroid = &level.centroids[std::size_t{i} * layout_.leaf_dims];
        children.push_back({level.blocks[i], {centroid, centroid + layout_.leaf_dims}});
        children.back().bound.push_back(level.spreads[i]);
    }
    return children;
}

void InnerBuilder::group(std::size_t number) {
    const Level level = std::exchange(levels_[number], {});
    const Rows rows{level.centroids.data(), level.blocks.size(), layout_.leaf_dims};
    const auto wanted =
        static_cast<std::size_t>(static_cast<double>(rows.count) / (inner_fill * layout_.inner.capacity)) + 1;
    const Division division = divide_within(rows, wanted, layout_.inner.capacity, kmeans_);
    std::vector<std::vector<std::uint32_t>> groups(division.groups);
    for (std::uint32_t i = 0; i < rows.count; i++)
        groups[division.group[i]].push_back(i);

    for (const auto& chosen : groups) {
        store_.check_interrupts();
        const tree::Page page = store_.allocate();
        tree::Change change(store_);
        std::byte* image =
            change.initialise(page, tree::PageKind::inner, static_cast<std::uint16_t>(number + 1));
        geometry_.fill_inner(tree::body(image), children(level, chosen));
        const std::vector<float> bound = InnerView(layout_, tree::body(image), page.block()).own_bound();
        change.commit();
        add(number + 1, page.block(), std::span(bound).first(layout_.leaf_dims), bound.back());
    }
}

void InnerBuilder::finish() {
    std::size_t number = 0;
    // A level below may still hand pages up; the highest that fits one page is the root's.
    while (number + 1 < levels_.size() || levels_[number].blocks.size() > layout_.inner.capacity) {
        if (!levels_[number].blocks.empty()) group(number);
        number++;
    }
    const Level& level = levels_[number];
    std::vector<std::uint32_t> all(level.blocks.size());
    std::iota(all.begin(), all.end(), 0);
    const tree::Page root = store_.lock(tree::root_block, tree::Lock::exclusive);
    tree::Change change(store_);
    std::byte* image = change.edit(root);
    std::memset(tree::body(image), 0, tree::body_bytes);
    geometry_.fill_inner(tree::body(image), children(level, all));
    tree::tail(image).kind = tree::PageKind::inner;
    tree::tail(image).level = static_cast<std::uint16_t>(number + 1);
    change.commit();
}

} // namespace soup::vann
