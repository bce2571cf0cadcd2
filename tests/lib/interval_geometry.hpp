// The smallest geometry that has everything the tree asks for: points on a line, bounds as intervals, few
// entries a page so that a thousand points split hundreds of pages, and a companion a leaf that repeats its
// addresses, so that what belongs together can be seen to stay together.
#pragma once

#include "core/tree/geometry.hpp"

#include <algorithm>
#include <limits>

namespace soup::test {

class IntervalGeometry : public tree::Geometry {
public:
    static constexpr unsigned leaf_max = 8, inner_max = 6;

    struct Entry {
        float x;
        tree::HeapAddress address;
    };
    struct Leaf {
        std::uint32_t count;
        std::uint32_t has_companion;
        tree::Block companion;
        Entry entries[leaf_max];
    };
    struct Companion {
        std::uint32_t count;
        tree::HeapAddress addresses[leaf_max];
    };
    struct Inner {
        struct Child {
            tree::Block block;
            float low, high;
        };
        std::uint32_t count;
        Child children[inner_max];
    };

    static const Leaf& leaf(const std::byte* body) { return *reinterpret_cast<const Leaf*>(body); }
    static const Inner& inner(const std::byte* body) { return *reinterpret_cast<const Inner*>(body); }
    static const Companion& companion(const std::byte* body) {
        return *reinterpret_cast<const Companion*>(body);
    }

    unsigned child_count(const std::byte* body) const override { return inner(body).count; }
    tree::Block child(const std::byte* body, unsigned entry) const override {
        return inner(body).children[entry].block;
    }
    unsigned choose(const std::byte* body, const tree::Item& item) const override {
        const Inner& page = inner(body);
        const float x = item.point[0];
        const auto distance = [x](const Inner::Child& c) { return std::max({0.0F, c.low - x, x - c.high}); };
        const auto* best = std::min_element(page.children, page.children + page.count,
                                            [&](auto& a, auto& b) { return distance(a) < distance(b); });
        return static_cast<unsigned>(best - page.children);
    }
    bool covers(const std::byte* body, unsigned entry, const tree::Item& item) const override {
        const auto& child = inner(body).children[entry];
        return child.low <= item.point[0] && item.point[0] <= child.high;
    }
    void extend(std::byte* body, unsigned entry, const tree::Item& item) const override {
        auto& child = mutable_inner(body).children[entry];
        child.low = std::min(child.low, item.point[0]);
        child.high = std::max(child.high, item.point[0]);
    }
    bool inner_is_full(const std::byte* body) const override { return inner(body).count == inner_max; }
    void fill_inner(std::byte* body, std::span<const tree::Child> children) const override {
        mutable_inner(body).count = 0;
        for (const auto& child : children)
            append(body, child);
    }
    void replace_child(std::byte* body, unsigned entry, const tree::Child& left,
                       const tree::Child& right) const override {
        mutable_inner(body).children[entry] = {left.block, left.bound[0], left.bound[1]};
        append(body, right);
    }
    void remove_child(std::byte* body, unsigned entry) const override {
        Inner& page = mutable_inner(body);
        page.children[entry] = page.children[--page.count];
    }

    bool leaf_is_empty(const std::byte* body) const override { return leaf(body).count == 0; }
    tree::Placed place(tree::PageStore& store, const tree::Page& page,
                       const tree::Item& item) const override {
        const Leaf& before = leaf(page.body());
        if (before.count == leaf_max) return tree::Placed::full;
        const bool is_first = before.has_companion == 0;
        const tree::Page beside =
            is_first ? store.allocate() : store.lock(before.companion, tree::Lock::exclusive);
        tree::Change change(store);
        auto& image = *reinterpret_cast<Leaf*>(tree::body(change.edit(page)));
        std::byte* companion_page =
            is_first ? change.initialise(beside, tree::PageKind::companion, 0) : change.edit(beside);
        if (is_first) own(companion_page, page.block(), store);
        image.companion = beside.block();
        image.has_companion = 1;
        image.entries[image.count++] = {item.point[0], item.address};
        auto& list = *reinterpret_cast<Companion*>(tree::body(companion_page));
        list.addresses[list.count++] = item.address;
        change.commit();
        return tree::Placed::yes;
    }
    tree::Removed remove_dead(tree::PageStore& store, const tree::Page& page,
                              const std::function<bool(tree::HeapAddress)>& is_dead) const override {
        Leaf kept = leaf(page.body());
        auto* end = std::remove_if(kept.entries, kept.entries + kept.count,
                                   [&](const Entry& e) { return is_dead(e.address); });
        const auto count = static_cast<std::uint32_t>(end - kept.entries);
        const tree::Removed removed{kept.count - count, count};
        if (removed.dead == 0) return removed;
        kept.count = count;
        const tree::Page beside = store.lock(kept.companion, tree::Lock::exclusive);
        tree::Change change(store);
        *reinterpret_cast<Leaf*>(tree::body(change.edit(page))) = kept;
        write_companion(change.edit(beside), kept);
        change.commit();
        return removed;
    }
    void companions(tree::PageStore&, const std::byte* body, std::vector<tree::Block>& into) const override {
        if (leaf(body).has_companion != 0) into.push_back(leaf(body).companion);
    }

    void rows(tree::PageStore&, const tree::Page& page,
              const std::function<void(tree::HeapAddress, const tree::RowPlace&)>& visit) const override {
        for (unsigned slot = 0; slot < leaf(page.body()).count; ++slot)
            visit(leaf(page.body()).entries[slot].address, {.slot = slot});
    }
    const char* contradiction(tree::PageStore&, const tree::Page& page, const tree::RowPlace& place,
                              const tree::Item& item) const override {
        return leaf(page.body()).entries[place.slot].x == item.point[0] ? nullptr
                                                                        : "its point is not the row's";
    }

    void split(tree::PageStore& store, const tree::Page& page, tree::Block left, tree::Block right,
               tree::Halves& into) const override {
        std::memset(into.left, 0, sizeof into.left);
        std::memset(into.right, 0, sizeof into.right);
        if (page.tail().kind == tree::PageKind::leaf) {
            split_leaf(store, page, left, right, into);
        } else {
            Inner all = inner(page.body());
            // Stable only because GCC 12 takes std::sort's constants for an access behind so short an array.
            std::stable_sort(all.children, all.children + all.count,
                             [](auto& a, auto& b) { return a.low < b.low; });
            const unsigned half = all.count / 2;
            into.left_bound = fill_half(into.left, all.children, half);
            into.right_bound = fill_half(into.right, all.children + half, all.count - half);
        }
    }

    void verify(tree::PageStore& store, const tree::Page& page, const std::byte* parent, unsigned entry,
                const tree::Report& report) const override {
        const bool is_leaf = page.tail().kind == tree::PageKind::leaf;
        if (is_leaf ? leaf(page.body()).count > leaf_max : inner(page.body()).count > inner_max)
            return report({page.block(), "wrong count", "more entries than fit"});
        float low = std::numeric_limits<float>::max(), high = -low;
        if (is_leaf) {
            const Leaf& body = leaf(page.body());
            for (unsigned i = 0; i < body.count; ++i) {
                low = std::min(low, body.entries[i].x);
                high = std::max(high, body.entries[i].x);
            }
            if (body.has_companion != 0) verify_companion(store, page, report);
        } else {
            for (unsigned i = 0; i < inner(page.body()).count; ++i) {
                low = std::min(low, inner(page.body()).children[i].low);
                high = std::max(high, inner(page.body()).children[i].high);
            }
        }
        if (parent == nullptr || low > high) return;
        const auto& bound = inner(parent).children[entry];
        if (low < bound.low || high > bound.high)
            report({page.block(), "wrong bound", "a point lies outside of what the parent keeps"});
    }

private:
    static Inner& mutable_inner(std::byte* body) { return *reinterpret_cast<Inner*>(body); }
    static void append(std::byte* body, const tree::Child& child) {
        Inner& page = mutable_inner(body);
        page.children[page.count++] = {child.block, child.bound[0], child.bound[1]};
    }
    static void own(std::byte* page, tree::Block owner, tree::PageStore& store) {
        tree::tail(page).owner = owner;
        tree::tail(page).number = store.current_transaction();
    }
    static void write_companion(std::byte* page, const Leaf& leaf) {
        auto& list = *reinterpret_cast<Companion*>(tree::body(page));
        list.count = leaf.count;
        for (unsigned i = 0; i < leaf.count; ++i)
            list.addresses[i] = leaf.entries[i].address;
    }
    static std::vector<float> fill_half(std::byte* body, const Inner::Child* from, unsigned count) {
        Inner& page = mutable_inner(body);
        page.count = count;
        float low = from[0].low, high = from[0].high;
        for (unsigned i = 0; i < count; ++i) {
            page.children[i] = from[i];
            low = std::min(low, from[i].low);
            high = std::max(high, from[i].high);
        }
        return {low, high};
    }
    static std::vector<float> half_leaf(tree::PageStore& store, std::byte* body, tree::Block block,
                                        const Entry* from, unsigned count) {
        Leaf& half = *reinterpret_cast<Leaf*>(body);
        const tree::Page beside = store.allocate();
        half.count = count;
        half.has_companion = 1;
        half.companion = beside.block();
        std::copy(from, from + count, half.entries);
        tree::Change change(store);
        std::byte* image = change.initialise(beside, tree::PageKind::companion, 0);
        own(image, block, store);
        write_companion(image, half);
        change.commit();
        return {from[0].x, from[count - 1].x};
    }
    static void split_leaf(tree::PageStore& store, const tree::Page& page, tree::Block left,
                           tree::Block right, tree::Halves& into) {
        Leaf all = leaf(page.body());
        std::stable_sort(all.entries, all.entries + all.count, [](auto& a, auto& b) { return a.x < b.x; });
        const unsigned half = all.count / 2;
        into.left_bound = half_leaf(store, into.left, left, all.entries, half);
        into.right_bound = half_leaf(store, into.right, right, all.entries + half, all.count - half);
        into.freed.push_back(all.companion);
    }
    static void verify_companion(tree::PageStore& store, const tree::Page& page, const tree::Report& report) {
        const Leaf& body = leaf(page.body());
        const tree::Page beside = store.lock(body.companion, tree::Lock::shared);
        const Companion& list = companion(beside.body());
        bool same = list.count == body.count;
        for (unsigned i = 0; same && i < body.count; ++i)
            same = list.addresses[i] == body.entries[i].address;
        if (!same) report({page.block(), "wrong companion", "it does not repeat the leaf's addresses"});
    }
};

} // namespace soup::test
