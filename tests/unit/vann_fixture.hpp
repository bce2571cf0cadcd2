// What the tests of vann's pages share: repeatable vectors, and a tree in memory with a scan of all of it.
#pragma once

#include "core/tree/insert.hpp"
#include "core/tree/vacuum.hpp"
#include "core/tree/verify.hpp"
#include "core/tree/walk.hpp"
#include "core/vann/chain_page.hpp"
#include "core/vann/geometry.hpp"
#include "core/vann/space.hpp"
#include "tests/lib/memory_store.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace soup::vann::test {

inline constexpr unsigned every_dimension[] = {1,   2,   7,   8,    15,   16,   17,   96,
                                               128, 384, 784, 1536, 2000, 2048, 4096, 16000};

using Floats = std::vector<float>;

/// Independent normal coordinates.
inline Floats normal(unsigned n, std::mt19937_64& random, float deviation = 1) {
    std::normal_distribution<float> distribution(0, deviation);
    Floats floats(n);
    for (float& x : floats)
        x = distribution(random);
    return floats;
}

inline double squared_distance(const Floats& a, const Floats& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        sum += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    return sum;
}

inline Parameters make_parameters(unsigned dimensions, Metric metric = Metric::l2, unsigned key_bytes = 0) {
    Parameters parameters;
    parameters.dimensions = dimensions;
    parameters.metric = metric;
    parameters.seed = 20240711;
    if (key_bytes > 0) parameters.key_columns = {{1, static_cast<std::uint8_t>(key_bytes - 1)}};
    return parameters;
}

/// An index in memory. Rows are numbers: 1 + n lies at the address that as_address makes of (n / 100, n %
/// 100).
class VannTree {
public:
    explicit VannTree(const Parameters& parameters)
        : geometry(parameters), space(parameters, {}), layout(geometry.layout()) {
        tree::Meta meta{};
        vann::store(parameters, meta);
        tree::create(store, meta);
    }

    static tree::HeapAddress address(std::uint64_t row) {
        return tree::as_address((row / 100) << 16 | (row % 100 + 1));
    }
    static std::uint64_t row(tree::HeapAddress address) {
        const std::uint64_t number = tree::as_number(address);
        return (number >> 16) * 100 + (number & 0xFFFF) - 1;
    }
    /// Keys that tell the row, to see that they stay with it.
    std::vector<std::byte> keys(std::uint64_t row) const {
        std::vector<std::byte> bytes(layout.key_bytes);
        for (std::size_t i = 0; i < bytes.size(); ++i)
            bytes[i] = static_cast<std::byte>(row >> (8 * (i % 8)));
        return bytes;
    }

    Floats point(const Floats& vector) const {
        Floats point(space.padded());
        EXPECT_TRUE(space.to_point(vector.data(), point.data()));
        return point;
    }
    void insert(std::uint64_t row, const Floats& vector) {
        const soup::test::MemoryStore::Transaction transaction(store);
        const auto where = point(vector);
        const auto with = keys(row);
        tree::insert(store, geometry, {where, address(row), with});
    }

    /// Every row in the tree, in order of rows, with its keys checked.
    std::vector<std::uint64_t> rows() {
        return read_rows([&](std::uint64_t row, std::span<const std::byte> with) {
            const auto expected = keys(row);
            EXPECT_TRUE(std::equal(with.begin(), with.end(), expected.begin(), expected.end()));
        });
    }
    /// The same of a tree that is damaged.
    std::vector<std::uint64_t> rows_of_any_content() {
        return read_rows([](std::uint64_t, std::span<const std::byte>) {});
    }
    std::vector<std::uint64_t>
    read_rows(const std::function<void(std::uint64_t, std::span<const std::byte>)>& check_keys) {
        const soup::test::MemoryStore::Transaction transaction(store);
        std::vector<std::uint64_t> found;
        const auto take = [&](tree::HeapAddress address, std::span<const std::byte> with) {
            found.push_back(row(address));
            check_keys(found.back(), with);
        };
        std::vector<tree::Link> links{tree::root_link()};
        leaves = 0;
        while (!links.empty()) {
            const tree::Link link = links.back();
            links.pop_back();
            tree::follow(store, link, [&](const tree::Page& page, tree::Link) {
                if (page.tail().kind == tree::PageKind::inner) {
                    for (unsigned i = 0; i < geometry.child_count(page.body()); ++i)
                        links.push_back({geometry.child(page.body(), i), page.tail().number});
                    return;
                }
                ++leaves;
                const LeafView leaf(layout, page.body(), page.block());
                for (unsigned slot = 0; slot < leaf.used(); ++slot) {
                    if (is_chain(leaf.address(slot)))
                        follow_chain(store, layout, chain_block(leaf.address(slot)),
                                     [&](const ChainView& chain) {
                                         for (unsigned i = 0; i < chain.count(); ++i)
                                             take(chain.address(i), chain.keys(i));
                                     });
                    else if (!is_free(leaf.address(slot)))
                        take(leaf.address(slot), leaf.keys(slot));
                }
            });
        }
        std::sort(found.begin(), found.end());
        return found;
    }

    std::vector<std::string> violations() {
        std::vector<std::string> found;
        tree::verify(store, geometry, tree::Unlinked::reported, [&](const tree::Violation& violation) {
            found.push_back(std::to_string(violation.block) + ": " + violation.kind + ": " +
                            violation.detail);
        });
        return found;
    }

    tree::VacuumResult vacuum(const std::function<bool(std::uint64_t)>& is_dead) {
        tree::VacuumResult result = tree::bulk_delete(
            store, geometry, [&](tree::HeapAddress address) { return is_dead(row(address)); });
        tree::clean_up(store, geometry, result);
        return result;
    }

    soup::test::MemoryStore store;
    VannGeometry geometry;
    Space space;
    const Layout& layout;
    unsigned leaves = 0; ///< As of the last rows().
};

inline const std::vector<std::string> nothing_wrong;

} // namespace soup::vann::test
