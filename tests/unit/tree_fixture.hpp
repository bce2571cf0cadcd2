// What the tree's tests share: a tree of intervals in memory, a scan of all of it, and its verdict.
#pragma once

#include "core/tree/insert.hpp"
#include "core/tree/vacuum.hpp"
#include "core/tree/verify.hpp"
#include "core/tree/walk.hpp"
#include "tests/lib/interval_geometry.hpp"
#include "tests/lib/memory_store.hpp"

#include <gtest/gtest.h>

namespace soup::test {

struct IntervalTree {
    MemoryStore store;
    IntervalGeometry geometry;

    IntervalTree() {
        tree::Meta parameters{};
        parameters.dimensions = 1;
        tree::create(store, parameters);
    }

    void insert(std::uint64_t id, float x) {
        MemoryStore::Transaction transaction(store);
        tree::insert(store, geometry, {{&x, 1}, tree::as_address(id), {}});
    }

    /// Every address in the tree, in the order of a scan that goes depth first.
    std::vector<std::uint64_t> scan(const std::function<void()>& between_pages = [] {}) {
        MemoryStore::Transaction transaction(store);
        std::vector<tree::Link> links{tree::root_link()};
        std::vector<std::uint64_t> found;
        while (!links.empty()) {
            const tree::Link link = links.back();
            links.pop_back();
            between_pages();
            tree::follow(store, link, [&](const tree::Page& page, tree::Link) {
                if (page.tail().kind == tree::PageKind::inner) {
                    for (unsigned i = 0; i < geometry.child_count(page.body()); ++i)
                        links.push_back({geometry.child(page.body(), i), page.tail().number});
                } else {
                    const auto& leaf = IntervalGeometry::leaf(page.body());
                    for (unsigned i = 0; i < leaf.count; ++i)
                        found.push_back(tree::as_number(leaf.entries[i].address));
                }
            });
        }
        return found;
    }

    std::vector<std::string> violations(tree::Unlinked unlinked = tree::Unlinked::reported) {
        std::vector<std::string> found;
        tree::verify(store, geometry, unlinked, [&](const tree::Violation& violation) {
            found.push_back(std::to_string(violation.block) + ": " + violation.kind + ": " +
                            violation.detail);
        });
        return found;
    }

    tree::VacuumResult vacuum(const std::function<bool(std::uint64_t)>& is_dead) {
        tree::VacuumResult result = tree::bulk_delete(
            store, geometry, [&](tree::HeapAddress address) { return is_dead(tree::as_number(address)); });
        tree::clean_up(store, geometry, result);
        return result;
    }
};

/// A repeatable shuffle of the line: ids in order lie far apart.
inline float scattered(std::uint64_t id) {
    return static_cast<float>((id * 2654435761U) % 100003);
}

} // namespace soup::test
