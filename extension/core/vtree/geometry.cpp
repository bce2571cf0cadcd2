// Pages of points and boxes as the tree needs them: chosen from, grown, filled, emptied, split.
//
// A leaf is unordered: a new point goes to the end, a removed one's place is taken by the last. Boxes grow
// when a point is inserted and shrink only when a page is split, so a parent's box may be larger than its
// child needs, never smaller.
#include "core/vtree/geometry.hpp"

#include "core/simd/dispatch.hpp"
#include "core/vtree/division.hpp"
#include "core/vtree/region.hpp"

#include <algorithm>
#include <cmath>

namespace soup::vtree {

// --- Inner pages
// --------------------------------------------------------------------------------------------

unsigned BoxGeometry::child_count(const std::byte* inner) const {
    // A damaged page's count must not lead out of the page; verify and scans refuse it by name.
    return std::min(Layout::count(inner), layout_.inner_capacity());
}

Block BoxGeometry::child(const std::byte* inner, unsigned entry) const {
    return layout_.children(inner)[entry];
}

/// The child whose box's sides grow least in sum, which is by as much as the point lies outside: not at all
/// where the box has it, and of several such the smallest. Growth of volume would be the usual measure; in
/// many dimensions it is none, since one flat side makes the whole product small. Equals are taken in turn,
/// starting where the row's address says: otherwise one of many leaves with the same points would take all
/// that come, and leave the others half full.
unsigned BoxGeometry::choose(const std::byte* inner, const tree::Item& item) const {
    const simd::BoxKernels& kernels = simd::kernels().boxes;
    const unsigned count = child_count(inner);
    alignas(64) float gaps[max_entries];
    kernels.box_gaps(layout_.boxes(inner, count), item.point.data(), gaps);
    const float least = kernels.column_range(gaps, count).least;
    Mask equals;
    kernels.points_in_box({gaps, max_entries, count, 1}, &least, &least, equals);
    const unsigned start = static_cast<unsigned>(tree::as_number(item.address) % count);
    const auto turn = [&](unsigned entry) { return entry < start ? entry + count : entry; };
    const auto volume_of = [&](unsigned entry) {
        float volume = 1;
        for (unsigned j = 0; j < layout_.dimensions(); ++j)
            volume *= layout_.upper(inner, j)[entry] - layout_.lower(inner, j)[entry];
        return volume;
    };
    unsigned best = count;
    float best_volume = 0;
    for_each_bit(equals, count, [&](unsigned entry) {
        const float volume = volume_of(entry);
        if (best < count && (volume > best_volume || (volume == best_volume && turn(entry) > turn(best))))
            return;
        best = entry;
        best_volume = volume;
    });
    return best;
}

bool BoxGeometry::covers(const std::byte* inner, unsigned entry, const tree::Item& item) const {
    for (unsigned j = 0; j < layout_.dimensions(); ++j)
        if (item.point[j] < layout_.lower(inner, j)[entry] || item.point[j] > layout_.upper(inner, j)[entry])
            return false;
    return true;
}

void BoxGeometry::extend(std::byte* inner, unsigned entry, const tree::Item& item) const {
    for (unsigned j = 0; j < layout_.dimensions(); ++j) {
        float& lower = layout_.lower(inner, j)[entry];
        float& upper = layout_.upper(inner, j)[entry];
        lower = std::min(lower, item.point[j]);
        upper = std::max(upper, item.point[j]);
    }
}

bool BoxGeometry::inner_is_full(const std::byte* inner) const {
    return child_count(inner) == layout_.inner_capacity();
}

void BoxGeometry::set_entry(std::byte* inner, unsigned entry, const tree::Child& child) const {
    for (unsigned j = 0; j < layout_.dimensions(); ++j) {
        layout_.lower(inner, j)[entry] = child.bound[j];
        layout_.upper(inner, j)[entry] = child.bound[layout_.dimensions() + j];
    }
    layout_.children(inner)[entry] = child.block;
}

void BoxGeometry::fill_inner(std::byte* inner, std::span<const tree::Child> children) const {
    for (unsigned entry = 0; entry < children.size(); ++entry)
        set_entry(inner, entry, children[entry]);
    Layout::set_count(inner, static_cast<unsigned>(children.size()));
}

void BoxGeometry::replace_child(std::byte* inner, unsigned entry, const tree::Child& left,
                                const tree::Child& right) const {
    const unsigned count = child_count(inner);
    set_entry(inner, entry, left);
    set_entry(inner, count, right);
    Layout::set_count(inner, count + 1);
}

void BoxGeometry::remove_child(std::byte* inner, unsigned entry) const {
    const unsigned last = child_count(inner) - 1;
    for (unsigned j = 0; j < 2 * layout_.dimensions(); ++j)
        layout_.lower(inner, j)[entry] =
            layout_.lower(inner, j)[last]; // The upper ones follow the lower ones.
    layout_.children(inner)[entry] = layout_.children(inner)[last];
    Layout::set_count(inner, last);
}

// --- Leaves
// -------------------------------------------------------------------------------------------------

bool BoxGeometry::leaf_is_empty(const std::byte* leaf) const {
    return Layout::count(leaf) == 0;
}

tree::Placed BoxGeometry::place(tree::PageStore& store, const tree::Page& leaf,
                                const tree::Item& item) const {
    const unsigned count = layout_.checked_count(leaf);
    if (count == layout_.leaf_capacity()) return tree::Placed::full;
    tree::Change change(store);
    for (unsigned j = 0; j < layout_.dimensions(); ++j)
        change.write(leaf, layout_.column(leaf.body(), j) + count, item.point[j]);
    change.write(leaf, layout_.addresses(leaf.body()) + count, item.address);
    change.write(leaf, Layout::count_place(leaf.body()), static_cast<std::uint16_t>(count + 1));
    change.commit();
    return tree::Placed::yes;
}

tree::Removed BoxGeometry::remove_dead(tree::PageStore& store, const tree::Page& leaf,
                                       const std::function<bool(HeapAddress)>& is_dead) const {
    const unsigned before = layout_.checked_count(leaf);
    std::vector<std::uint16_t> kept;
    kept.reserve(before);
    for (unsigned slot = 0; slot < before; ++slot)
        if (!is_dead(layout_.addresses(leaf.body())[slot])) kept.push_back(static_cast<std::uint16_t>(slot));
    const auto live = static_cast<unsigned>(kept.size());
    if (live != before) {
        tree::Change change(store);
        std::byte* image = tree::body(change.edit(leaf));
        // A hole takes the last entry that stays, so few bytes of the page change and are logged.
        unsigned last = live;
        for (unsigned slot = 0, at = 0; slot < live; ++slot) {
            if (at < live && kept[at] == slot) {
                ++at;
                continue;
            }
            const unsigned from = kept[--last];
            for (unsigned j = 0; j < layout_.dimensions(); ++j)
                layout_.column(image, j)[slot] = layout_.column(image, j)[from];
            layout_.addresses(image)[slot] = layout_.addresses(image)[from];
        }
        Layout::set_count(image, live);
        change.commit();
    }
    return {before - live, live};
}

void BoxGeometry::companions(tree::PageStore&, const std::byte*, std::vector<Block>&) const {}

void BoxGeometry::rows(tree::PageStore&, const tree::Page& leaf,
                       const std::function<void(HeapAddress, const tree::RowPlace&)>& visit) const {
    const unsigned count = layout_.checked_count(leaf);
    for (unsigned slot = 0; slot < count; ++slot)
        visit(layout_.addresses(leaf.body())[slot], {.slot = slot});
}

const char* BoxGeometry::contradiction(tree::PageStore&, const tree::Page& leaf, const tree::RowPlace& place,
                                       const tree::Item& item) const {
    for (unsigned j = 0; j < layout_.dimensions(); ++j)
        if (layout_.column(leaf.body(), j)[place.slot] != item.point[j]) return "its point is not the row's";
    return nullptr;
}

// --- Splits
// -------------------------------------------------------------------------------------------------

void BoxGeometry::split(tree::PageStore&, const tree::Page& page, Block, Block, tree::Halves& into) const {
    const unsigned count = layout_.checked_count(page);
    check_finite(page, count);
    std::memset(into.left, 0, sizeof into.left);
    std::memset(into.right, 0, sizeof into.right);
    if (page.tail().level == 0)
        split_leaf(page.body(), count, into);
    else
        split_inner(page.body(), count, into);
}

/// What is no number cannot be sorted; it can only come from damage.
void BoxGeometry::check_finite(const tree::Page& page, unsigned count) const {
    const bool is_leaf = page.tail().level == 0;
    for (unsigned j = 0; j < layout_.dimensions() * (is_leaf ? 1 : 2); ++j) {
        const float* column = is_leaf ? layout_.column(page.body(), j) : layout_.lower(page.body(), j);
        if (!simd::kernels().all_finite(column, count))
            tree::refuse_page(page.block(), "it has a coordinate that is not finite");
    }
}

namespace {

/// The box around some entries: lower corner, then upper.
template<class Lower, class Upper>
std::vector<float> box_around(std::span<const std::uint16_t> entries, unsigned dimensions, Lower&& lower,
                              Upper&& upper) {
    std::vector<float> box(std::size_t{2} * dimensions);
    for (unsigned j = 0; j < dimensions; ++j) {
        float low = lower(j)[entries[0]], high = upper(j)[entries[0]];
        for (const std::uint16_t entry : entries) {
            low = std::min(low, lower(j)[entry]);
            high = std::max(high, upper(j)[entry]);
        }
        box[j] = low;
        box[dimensions + j] = high;
    }
    return box;
}

} // namespace

void BoxGeometry::split_leaf(const std::byte* leaf, unsigned count, tree::Halves& into) const {
    const simd::PointColumns points = layout_.points(leaf, count);
    const Division division =
        divide({points.first, points.first, points.stride, points.count, points.dimensions});
    const auto column = [&](unsigned j) { return layout_.column(leaf, j); };
    const auto write = [&](std::span<const std::uint16_t> slots, std::byte* body, std::vector<float>& bound) {
        for (unsigned j = 0; j < layout_.dimensions(); ++j)
            for (unsigned slot = 0; slot < slots.size(); ++slot)
                layout_.column(body, j)[slot] = column(j)[slots[slot]];
        for (unsigned slot = 0; slot < slots.size(); ++slot)
            layout_.addresses(body)[slot] = layout_.addresses(leaf)[slots[slot]];
        Layout::set_count(body, static_cast<unsigned>(slots.size()));
        bound = box_around(slots, layout_.dimensions(), column, column);
    };
    const std::span<const std::uint16_t> order = division.order;
    write(order.first(division.left), into.left, into.left_bound);
    write(order.subspan(division.left), into.right, into.right_bound);
}

void BoxGeometry::split_inner(const std::byte* inner, unsigned count, tree::Halves& into) const {
    const Division division = divide(layout_.boxes(inner, count));
    const auto lower = [&](unsigned j) { return layout_.lower(inner, j); };
    const auto upper = [&](unsigned j) { return layout_.upper(inner, j); };
    const auto write = [&](std::span<const std::uint16_t> entries, std::byte* body,
                           std::vector<float>& bound) {
        for (unsigned j = 0; j < 2 * layout_.dimensions(); ++j)
            for (unsigned entry = 0; entry < entries.size(); ++entry)
                layout_.lower(body, j)[entry] = lower(j)[entries[entry]];
        for (unsigned entry = 0; entry < entries.size(); ++entry)
            layout_.children(body)[entry] = layout_.children(inner)[entries[entry]];
        Layout::set_count(body, static_cast<unsigned>(entries.size()));
        bound = box_around(entries, layout_.dimensions(), lower, upper);
    };
    const std::span<const std::uint16_t> order = division.order;
    write(order.first(division.left), into.left, into.left_bound);
    write(order.subspan(division.left), into.right, into.right_bound);
}

// --- Checks
// -------------------------------------------------------------------------------------------------

void BoxGeometry::verify(tree::PageStore&, const tree::Page& page, const std::byte* parent, unsigned entry,
                         const tree::Report& report) const {
    const unsigned count = layout_.checked_count(page);
    if (page.tail().level == 0)
        verify_leaf(page, count, parent, entry, report);
    else
        verify_inner(page, count, parent, entry, report);
}

void BoxGeometry::verify_leaf(const tree::Page& leaf, unsigned count, const std::byte* parent, unsigned entry,
                              const tree::Report& report) const {
    for (unsigned slot = 0; slot < count; ++slot) {
        if (layout_.addresses(leaf.body())[slot].offset == 0)
            report({leaf.block(), "wrong address", "entry " + std::to_string(slot) + " names no row"});
        bool is_finite = true, is_inside = true;
        for (unsigned j = 0; j < layout_.dimensions(); ++j) {
            const float value = layout_.column(leaf.body(), j)[slot];
            is_finite &= std::isfinite(value);
            is_inside &= parent == nullptr || (layout_.lower(parent, j)[entry] <= value &&
                                               value <= layout_.upper(parent, j)[entry]);
        }
        if (!is_finite)
            report({leaf.block(), "wrong point", "entry " + std::to_string(slot) + " is not finite"});
        else if (!is_inside)
            report({leaf.block(), "wrong bound",
                    "entry " + std::to_string(slot) + " lies outside the box that the parent keeps"});
    }
}

void BoxGeometry::verify_inner(const tree::Page& inner, unsigned count, const std::byte* parent,
                               unsigned entry, const tree::Report& report) const {
    for (unsigned i = 0; i < count; ++i) {
        bool is_box = true, is_inside = true;
        for (unsigned j = 0; j < layout_.dimensions(); ++j) {
            const float lower = layout_.lower(inner.body(), j)[i], upper = layout_.upper(inner.body(), j)[i];
            is_box &= std::isfinite(lower) && std::isfinite(upper) && lower <= upper;
            is_inside &= parent == nullptr || (layout_.lower(parent, j)[entry] <= lower &&
                                               upper <= layout_.upper(parent, j)[entry]);
        }
        if (!is_box)
            report(
                {inner.block(), "wrong box", "entry " + std::to_string(i) + " is no box of finite corners"});
        else if (!is_inside)
            report({inner.block(), "wrong bound",
                    "entry " + std::to_string(i) + " reaches out of the box that the parent keeps"});
    }
}

} // namespace soup::vtree
