// The queue holds pages that were read, by the least bound of what they have left, and rows, by their
// distance. A page at the front gives up one entry: a child, which is read, or a point, whose distance is
// computed by the operator's own kernel and which waits as a row if anything has a lesser bound. A row before
// all others is the next result, because every bound is no greater than any distance behind it (margin.hpp).
// So a page of 448 points costs one pass of the kernel and a search for the least value per point taken, not
// 448 insertions into the queue.
//
// No page is locked or pinned between two of these steps: a page is copied, and links are followed as in
// every scan, so nothing is missed or repeated. A caller who trusts the index alone (an index-only scan)
// needs to know that the row is still there: with Pinning::each_result its leaf is looked up once more, and
// stays pinned while the caller looks at the visibility map. Vacuum removes the entry before the heap's
// tuple, and waits for the pin; so an entry that is there protects its tuple.
#include "core/vtree/nearest_scan.hpp"

#include "core/simd/dispatch.hpp"
#include "core/vtree/margin.hpp"
#include "core/vtree/region_scan.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

namespace soup::vtree {
namespace {

constexpr float no_bound = std::numeric_limits<float>::infinity();
/// From so many points of one page on, sorting the nearest of the rest is cheaper than searching each time.
constexpr unsigned taken_before_sorting = 24;

/// Turns computed distances into bounds of those entries whose bit is set, and drops the others.
unsigned keep_bounds(float* distances, unsigned count, const std::uint64_t* mask) noexcept {
    unsigned kept = 0;
    for (unsigned first = 0; first < count; first += 64) {
        const std::uint64_t word = mask[first / 64];
        kept += static_cast<unsigned>(std::popcount(word));
        for (unsigned i = first; i < first + 64; ++i)
            distances[i] = at_least(distances[i]);
        if (word == ~std::uint64_t{0}) continue;
        for (unsigned i = first; i < first + 64; ++i)
            if ((word >> (i - first) & 1) == 0) distances[i] = no_bound;
    }
    return kept;
}

} // namespace

NearestScan::NearestScan(tree::PageStore& store, const Layout& layout, std::vector<float> from, Region region,
                         Pinning pinning)
    : store_(store), layout_(layout), from_(std::move(from)), region_(std::move(region)), pinning_(pinning) {
    if (region_.is_nothing()) return;
    tree::follow(store_, tree::root_link(), [&](tree::Page& page, tree::Link) { read(page); });
}

bool NearestScan::next(Found& found) {
    pinned_.clear();
    while (!queue_.empty()) {
        const Waiting first = queue_.front();
        if (first.is_row) {
            pop();
            if (give(first, found)) return true;
            continue;
        }
        PageCopy& copy = *copies_[first.page];
        take_first(copy, first);
        if (!copy.is_leaf) {
            const tree::Link child{layout_.children(copy.body)[first.slot], copy.link.seen};
            const unsigned level = copy.level - 1U;
            if (copy.left == 0) unused_.push_back(first.page);
            visit(child, level);
            continue;
        }
        const Waiting row = row_at(copy, first);
        ++copy.waiting;
        // Mostly nothing that waits is nearer, and the row need not wait itself.
        if (!queue_.empty() && queue_.front().key < row.key)
            push(row);
        else if (give(row, found))
            return true;
    }
    return false;
}

// --- Pages
// --------------------------------------------------------------------------------------------------

std::uint32_t NearestScan::new_copy() {
    if (unused_.empty()) {
        copies_.push_back(std::make_unique_for_overwrite<PageCopy>());
        return static_cast<std::uint32_t>(copies_.size() - 1);
    }
    const std::uint32_t index = unused_.back();
    unused_.pop_back();
    return index;
}

void NearestScan::visit(tree::Link child, unsigned level) {
    store_.check_interrupts();
    tree::follow(store_, child, [&](tree::Page& page, tree::Link) {
        Layout::check_level(page, level);
        read(page);
    });
}

void NearestScan::read(tree::Page& page) {
    const std::uint32_t index = new_copy();
    PageCopy& copy = *copies_[index];
    copy.is_leaf = page.tail().kind == tree::PageKind::leaf;
    copy.level = page.tail().level;
    copy.count = layout_.checked_count(page);
    copy.left = copy.waiting = copy.taken = 0;
    copy.order.clear();
    if (copy.count > 0) copy.is_leaf ? read_leaf(page, copy) : read_inner(page, copy);
    if (copy.left > 0)
        push(waiting(index, copy));
    else
        unused_.push_back(index);
}

void NearestScan::read_leaf(const tree::Page& leaf, PageCopy& copy) {
    const simd::PointColumns points = layout_.points(leaf.body(), copy.count);
    simd::kernels().boxes.point_distances(points, from_.data(), copy.bounds);
    Mask inside;
    region_.find_points(points, inside);
    copy.left = keep_bounds(copy.bounds, copy.count, inside);
    if (copy.left == 0) return;
    copy.link = {leaf.block(), leaf.tail().split_number};
    std::memcpy(copy.body, leaf.body(), sizeof copy.body);
}

void NearestScan::read_inner(const tree::Page& inner, PageCopy& copy) {
    const simd::BoxColumns boxes = layout_.boxes(inner.body(), copy.count);
    float farthest[max_entries];
    simd::kernels().boxes.box_distances(boxes, from_.data(), copy.bounds, farthest);
    Mask meet, within;
    region_.find_boxes(boxes, meet, within);
    copy.left = keep_bounds(copy.bounds, copy.count, meet);
    copy.link.seen = inner.tail().number;
    std::memcpy(copy.body, inner.body(), sizeof copy.body);
}

/// A page that has something left, as it waits in the queue: by its least bound.
NearestScan::Waiting NearestScan::waiting(std::uint32_t index, PageCopy& copy) {
    if (copy.taken >= taken_before_sorting && copy.order.empty()) sort_nearest(copy);
    const std::size_t nearest = copy.order.empty() ? simd::kernels().boxes.least(copy.bounds, copy.count)
                                                   : copy.order.back() & 0xFFFF;
    return {copy.bounds[nearest], false, static_cast<std::uint16_t>(nearest), index};
}

/// As many as were taken so far: who wanted so many may want as many again, and a page that is wanted whole
/// is sorted in a few goes.
void NearestScan::sort_nearest(PageCopy& copy) {
    copy.order.resize(copy.count);
    std::size_t left = 0;
    for (unsigned i = 0; i < copy.count; ++i) {
        // Bounds are not negative, so their bits are in their order.
        copy.order[left] = std::uint64_t{std::bit_cast<std::uint32_t>(copy.bounds[i])} << 16 | i;
        left += copy.bounds[i] != no_bound ? 1 : 0;
    }
    copy.order.resize(left);
    if (left > copy.taken) {
        const auto end = copy.order.begin() + copy.taken;
        std::nth_element(copy.order.begin(), end, copy.order.end());
        copy.order.erase(end, copy.order.end());
    }
    std::sort(copy.order.begin(), copy.order.end(), std::greater<>());
}

/// Takes the nearest entry of the page at the queue's front. The page moves back in the queue, or leaves it.
void NearestScan::take_first(PageCopy& copy, const Waiting& page) {
    copy.bounds[page.slot] = no_bound;
    if (!copy.order.empty()) copy.order.pop_back();
    --copy.left;
    ++copy.taken;
    if (copy.left > 0)
        replace_first(waiting(page.page, copy));
    else
        pop();
}

// --- Rows
// ---------------------------------------------------------------------------------------------------

/// The entry that a leaf waited with, as a row: by its distance.
NearestScan::Waiting NearestScan::row_at(const PageCopy& copy, const Waiting& page) const {
    float point[max_dimensions];
    for (unsigned j = 0; j < layout_.dimensions(); ++j)
        point[j] = layout_.column(copy.body, j)[page.slot];
    return {simd::kernels().l2_squared(from_.data(), point, layout_.dimensions()), true, page.slot,
            page.page};
}

bool NearestScan::give(const Waiting& row, Found& found) {
    PageCopy& copy = *copies_[row.page];
    found.row = layout_.addresses(copy.body)[row.slot];
    found.distance = std::sqrt(static_cast<double>(row.key));
    for (unsigned j = 0; j < layout_.dimensions(); ++j)
        found.point[j] = layout_.column(copy.body, j)[row.slot];
    const bool is_there = pinning_ == Pinning::none || pin_again(copy, row.slot, found.point);
    if (--copy.waiting == 0 && copy.left == 0) unused_.push_back(row.page);
    return is_there;
}

bool NearestScan::pin_again(const PageCopy& copy, unsigned slot, const float* point) {
    const HeapAddress row = layout_.addresses(copy.body)[slot];
    bool is_root_split = false; // The leaf was the root, and its points have moved below it.
    tree::follow(store_, copy.link, [&](tree::Page& page, tree::Link) {
        is_root_split |= page.tail().kind != tree::PageKind::leaf;
        if (is_root_split || !pinned_.empty()) return;
        const HeapAddress* rows = layout_.addresses(page.body());
        const unsigned count = layout_.checked_count(page);
        // Mostly it is where it was.
        if ((slot >= count || rows[slot] != row) && std::find(rows, rows + count, row) == rows + count)
            return;
        page.unlock();
        pinned_.push_back(std::move(page));
    });
    return is_root_split ? pin_from_root(row, point) : !pinned_.empty();
}

bool NearestScan::pin_from_root(HeapAddress row, const float* point) {
    Region region(layout_.dimensions());
    region.keep_box(point, point);
    RegionScan scan(store_, layout_, std::move(region), RegionScan::Want::rows);
    Hits hits;
    while (scan.next(hits)) {
        if (std::find(hits.rows.begin(), hits.rows.end(), row) == hits.rows.end()) continue;
        pinned_ = std::move(hits.leaves);
        return true;
    }
    return false;
}

// --- The queue
// ----------------------------------------------------------------------------------------------

namespace {

/// The heap's order: what comes later. A row goes before a page with the same bound.
constexpr auto later = [](const auto& a, const auto& b) {
    return a.key != b.key ? a.key > b.key : !a.is_row && b.is_row;
};

} // namespace

void NearestScan::push(const Waiting& waiting) {
    queue_.push_back(waiting);
    std::push_heap(queue_.begin(), queue_.end(), later);
}

void NearestScan::pop() {
    std::pop_heap(queue_.begin(), queue_.end(), later);
    queue_.pop_back();
}

/// pop() and push() in one go: what comes instead sinks to its place.
void NearestScan::replace_first(const Waiting& waiting) {
    const std::size_t count = queue_.size();
    std::size_t at = 0;
    for (std::size_t child = 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && later(queue_[child], queue_[child + 1])) ++child;
        if (!later(waiting, queue_[child])) break;
        queue_[at] = queue_[child];
        at = child;
    }
    queue_[at] = waiting;
}

} // namespace soup::vtree
