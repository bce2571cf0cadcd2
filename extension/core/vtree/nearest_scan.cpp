// Rows are found in batches. The queue holds pages that were read, by the least bound of what they have left.
// Until a batch has as many rows as it wants, the page at the front gives up one entry: a child, which is
// read, or a point, whose distance is computed by the operator's own kernel. From then on the farthest wanted
// row is the reach: a leaf at the front gives up all that may lie within it at once. When no page is left
// within reach, every row before the first page is known to come before everything else, because each bound
// is no greater than any distance behind it (margin.hpp). So a page of 448 points costs one pass of the
// kernel and one search for the least bound per point at most, not 448 insertions into the queue; and who
// takes the rows knows some of the next ones, and can have them brought near.
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
#include <array>
#include <bit>
#include <cmath>

namespace soup::vtree {
namespace {

constexpr float no_bound = std::numeric_limits<float>::infinity();

/// Squared distances are not negative, so their bits are in their order; and what only a damaged page can
/// have, no number, has a place as well: behind all others.
std::uint32_t key_of(float squared) noexcept {
    return std::bit_cast<std::uint32_t>(squared);
}
std::uint32_t key_of(std::uint64_t nearest) noexcept {
    return static_cast<std::uint32_t>(nearest >> 32);
}

std::uint32_t index_of(std::uint64_t nearest) noexcept {
    return static_cast<std::uint32_t>(nearest);
}
std::uint64_t entry(std::uint32_t key, std::size_t index) noexcept {
    return std::uint64_t{key} << 32 | index;
}

constexpr std::size_t largest_batch = 10'000;

/// How many rows have been given when a batch ends: ten, thirty, a hundred, and so on. Round numbers are
/// asked for, and nobody waits for much more than three times what he takes.
std::size_t end_of_next_batch(std::size_t given) noexcept {
    std::size_t end = 10;
    for (bool is_three = false; end <= given + given / 2 && end < largest_batch; is_three = !is_three)
        end = is_three ? end / 3 * 10 : end * 3;
    return std::max(end, given + std::min(given + 1, largest_batch));
}

/// Of computed distances those whose bit is set stay, finite; the others become no_bound.
unsigned keep_bounds(float* distances, unsigned count, const std::uint64_t* mask) noexcept {
    if (!simd::kernels().all_finite(distances, count)) [[unlikely]]
        for (unsigned i = 0; i < count; ++i)
            distances[i] = std::min(std::numeric_limits<float>::max(), distances[i]);
    unsigned kept = 0;
    for (unsigned first = 0; first < count; first += 64) {
        const std::uint64_t word = mask[first / 64];
        kept += static_cast<unsigned>(std::popcount(word));
        if (word == ~std::uint64_t{0}) continue;
        for (unsigned i = first; i < first + 64; ++i)
            if ((word >> (i - first) & 1) == 0) distances[i] = no_bound;
    }
    return kept;
}

} // namespace

/// What earlier scans left to the next ones: a copy is large, and a scan soon needs some of them.
class NearestScan::SpareCopies {
public:
    std::unique_ptr<PageCopy> take() {
        return count_ > 0 ? std::move(copies_[--count_]) : std::make_unique_for_overwrite<PageCopy>();
    }
    void keep(std::unique_ptr<PageCopy> copy) noexcept {
        if (count_ < copies_.size()) copies_[count_++] = std::move(copy);
    }
    static SpareCopies& of_thread() noexcept {
        static thread_local SpareCopies spare;
        return spare;
    }

private:
    std::array<std::unique_ptr<PageCopy>, 16> copies_;
    std::size_t count_ = 0;
};

NearestScan::~NearestScan() {
    for (auto& copy : copies_)
        SpareCopies::of_thread().keep(std::move(copy));
}

NearestScan::NearestScan(tree::PageStore& store, const Layout& layout, std::vector<float> from, Region region,
                         Pinning pinning)
    : store_(store), layout_(layout), from_(std::move(from)), region_(std::move(region)), pinning_(pinning) {
    if (region_.is_nothing()) return;
    tree::follow(store_, tree::root_link(), [&](tree::Page& page, tree::Link) { read(page); });
}

bool NearestScan::next(Found& found) {
    pinned_.clear();
    while (at_ < sorted_ || find_more())
        if (give(index_of(nearest_[at_++]), found)) return true;
    return false;
}

std::span<const HeapAddress> NearestScan::ahead(std::span<HeapAddress> into) const noexcept {
    const std::size_t count = std::min(into.size(), sorted_ - at_);
    for (std::size_t i = 0; i < count; ++i)
        into[i] = rows_[index_of(nearest_[at_ + i])].address;
    return into.first(count);
}

// --- Batches
// --------------------------------------------------------------------------------------------------

/// False at the end.
bool NearestScan::find_more() {
    forget_given();
    wanted_ = end_of_next_batch(given_) - given_;
    std::uint32_t reach = 0;
    for (std::size_t known = 0; !queue_.empty(); read_on(reach)) {
        if (nearest_.size() < wanted_) continue;
        if (nearest_.size() != std::exchange(known, nearest_.size())) reach = farthest_wanted();
        if (queue_.front().key > reach) break;
    }
    const auto end =
        queue_.empty() ? nearest_.end() : std::partition(nearest_.begin(), nearest_.end(), [&](auto row) {
            return key_of(row) <= queue_.front().key;
        });
    std::sort(nearest_.begin(), end);
    sorted_ = static_cast<std::size_t>(end - nearest_.begin());
    return sorted_ > 0;
}

/// What was found but not given yet remains: rows that lie behind the first page of the queue.
void NearestScan::forget_given() {
    given_ += sorted_;
    nearest_.erase(nearest_.begin(), nearest_.begin() + static_cast<std::ptrdiff_t>(sorted_));
    const auto dimensions = static_cast<std::ptrdiff_t>(layout_.dimensions());
    std::vector<Row> rows;
    std::vector<float> points;
    for (std::uint64_t& row : nearest_) {
        const std::uint32_t index = index_of(row);
        row = entry(key_of(row), rows.size());
        rows.push_back(rows_[index]);
        const auto point = points_.begin() + index * dimensions;
        points.insert(points.end(), point, point + dimensions);
    }
    rows_.swap(rows);
    points_.swap(points);
    at_ = sorted_ = 0;
}

std::uint32_t NearestScan::farthest_wanted() {
    const auto last = nearest_.begin() + static_cast<std::ptrdiff_t>(wanted_ - 1);
    std::nth_element(nearest_.begin(), last, nearest_.end());
    return key_of(*last);
}

/// Takes something of the page at the queue's front, which then moves back in the queue or leaves it.
void NearestScan::read_on(std::uint32_t reach) {
    const Waiting first = queue_.front();
    PageCopy& copy = *copies_[first.page];
    strike_out(copy, first.slot);
    if (copy.is_leaf) {
        take_row(copy, first.slot);
        if (nearest_.size() > wanted_) take_within(copy, reach);
        put_back(first.page, copy);
        return;
    }
    const tree::Link child{layout_.children(copy.body)[first.slot], copy.link.seen};
    const unsigned level = copy.level - 1U;
    put_back(first.page, copy);
    visit(child, level);
}

/// All that seem to lie within reach; whether they do, and what lies on its border, the queue decides.
void NearestScan::take_within(PageCopy& copy, std::uint32_t reach) {
    const float limit = std::min(std::numeric_limits<float>::max(), std::bit_cast<float>(reach));
    std::uint16_t slots[max_entries];
    unsigned count = 0;
    for (unsigned i = 0; i < copy.count; ++i) {
        slots[count] = static_cast<std::uint16_t>(i);
        count += copy.bounds[i] <= limit ? 1 : 0;
    }
    for (unsigned i = 0; i < count; ++i) {
        copy.bounds[slots[i]] = no_bound;
        take_row(copy, slots[i]);
    }
    copy.left -= count;
    find_nearest(copy);
}

void NearestScan::take_row(const PageCopy& copy, unsigned slot) {
    const std::size_t at = points_.size();
    for (unsigned j = 0; j < layout_.dimensions(); ++j)
        points_.push_back(layout_.column(copy.body, j)[slot]);
    const float squared = simd::kernels().l2_squared(from_.data(), points_.data() + at, layout_.dimensions());
    nearest_.push_back(entry(key_of(squared), rows_.size()));
    rows_.push_back(
        {layout_.addresses(copy.body)[slot], static_cast<std::uint16_t>(slot), squared, copy.link});
}

/// The page at the queue's front, after something was taken of it.
void NearestScan::put_back(std::uint32_t index, const PageCopy& copy) {
    if (copy.left > 0) return replace_first(waiting(index, copy));
    pop();
    unused_.push_back(index);
}

// --- Pages
// --------------------------------------------------------------------------------------------------

std::uint32_t NearestScan::new_copy() {
    if (unused_.empty()) {
        copies_.push_back(SpareCopies::of_thread().take());
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
    copy.left = 0;
    if (copy.count > 0) copy.is_leaf ? read_leaf(page, copy) : read_inner(page, copy);
    if (copy.left > 0) {
        find_nearest(copy);
        push(waiting(index, copy));
    } else {
        unused_.push_back(index);
    }
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

NearestScan::Waiting NearestScan::waiting(std::uint32_t index, const PageCopy& copy) {
    std::uint16_t nearest = copy.nearest[0];
    for (unsigned of_64 = 1; of_64 < (copy.count + 63) / 64; ++of_64)
        if (const std::uint16_t other = copy.nearest[of_64]; copy.bounds[other] < copy.bounds[nearest])
            nearest = other;
    return {key_of(at_least(copy.bounds[nearest])), nearest, index};
}

void NearestScan::find_nearest(PageCopy& copy) {
    for (unsigned of_64 = 0; of_64 < (copy.count + 63) / 64; ++of_64)
        find_nearest(copy, of_64);
}

void NearestScan::find_nearest(PageCopy& copy, unsigned of_64) {
    const unsigned first = 64 * of_64;
    copy.nearest[of_64] =
        static_cast<std::uint16_t>(first + simd::kernels().boxes.least(copy.bounds + first, 64));
}

void NearestScan::strike_out(PageCopy& copy, unsigned slot) {
    copy.bounds[slot] = no_bound;
    --copy.left;
    find_nearest(copy, slot / 64);
}

// --- Rows
// ---------------------------------------------------------------------------------------------------

bool NearestScan::give(std::uint32_t index, Found& found) {
    const Row& row = rows_[index];
    const float* point = points_.data() + std::size_t{index} * layout_.dimensions();
    found.row = row.address;
    found.distance = std::sqrt(static_cast<double>(row.squared));
    std::copy_n(point, layout_.dimensions(), found.point);
    return pinning_ == Pinning::none || pin_again(row, point);
}

bool NearestScan::pin_again(const Row& row, const float* point) {
    bool is_root_split = false; // The leaf was the root, and its points have moved below it.
    tree::follow(store_, row.leaf, [&](tree::Page& page, tree::Link) {
        is_root_split |= page.tail().kind != tree::PageKind::leaf;
        if (is_root_split || !pinned_.empty()) return;
        const HeapAddress* rows = layout_.addresses(page.body());
        const unsigned count = layout_.checked_count(page);
        // Mostly it is where it was.
        if ((row.slot >= count || rows[row.slot] != row.address) &&
            std::find(rows, rows + count, row.address) == rows + count)
            return;
        page.unlock();
        pinned_.push_back(std::move(page));
    });
    return is_root_split ? pin_from_root(row.address, point) : !pinned_.empty();
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

/// The heap's order: what comes later.
constexpr auto later = [](const auto& a, const auto& b) { return a.key > b.key; };

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
