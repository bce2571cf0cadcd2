// What vtree's tests share: sets of points of every awkward kind, a tree in memory, and answers by looking at
// every point.
#pragma once

#include <gtest/gtest.h>

#include "core/simd/dispatch.hpp"
#include "core/tree/insert.hpp"
#include "core/tree/vacuum.hpp"
#include "core/tree/verify.hpp"
#include "core/vtree/geometry.hpp"
#include "core/vtree/nearest_scan.hpp"
#include "core/vtree/pack.hpp"
#include "core/vtree/region_scan.hpp"
#include "tests/lib/memory_sorter.hpp"
#include "tests/lib/memory_store.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

namespace soup::vtree::test {

using Random = std::mt19937_64;

/// All sets that this machine runs; the others are compiled only.
inline std::vector<simd::Isa> runnable() {
    std::vector<simd::Isa> sets;
    std::copy_if(simd::best_first.begin(), simd::best_first.end(), std::back_inserter(sets), simd::available);
    return sets;
}

struct BoxOf {
    std::vector<float> lower, upper;
};
struct BallOf {
    std::vector<float> centre;
    double radius;
};

/// How the points of a set lie.
enum class Shape { uniform, clustered, grid, line, equal, huge, tiny };
inline constexpr Shape all_shapes[] = {Shape::uniform, Shape::clustered, Shape::grid, Shape::line,
                                       Shape::equal,   Shape::huge,      Shape::tiny};

inline std::vector<float> make_point(Shape shape, unsigned dimensions, Random& random) {
    std::uniform_real_distribution<float> unit(-1, 1);
    std::vector<float> point(dimensions);
    const float cluster = static_cast<float>(random() % 5) * 10;
    for (unsigned j = 0; j < dimensions; ++j)
        switch (shape) {
        case Shape::uniform:
            point[j] = unit(random) * 100;
            break;
        case Shape::clustered:
            point[j] = cluster * static_cast<float>(j + 1) + unit(random);
            break;
        case Shape::grid:
            point[j] = static_cast<float>(random() % 8);
            break;
        case Shape::line:
            point[j] = j == 0 ? unit(random) : 3.0f;
            break;
        case Shape::equal:
            point[j] = 7;
            break;
        case Shape::huge: // Squares and volumes leave float's range.
            point[j] = unit(random) * 1e30f;
            break;
        case Shape::tiny:
            point[j] = unit(random) * 1e-30f;
            break;
        }
    return point;
}

inline std::vector<std::vector<float>> make_points(std::size_t count, Shape shape, unsigned dimensions,
                                                   Random& random) {
    std::vector<std::vector<float>> points(count);
    for (auto& point : points)
        point = make_point(shape, dimensions, random);
    return points;
}

/// A test for points of so many dimensions and of a shape.
class OfEachShape : public testing::TestWithParam<std::tuple<unsigned, Shape>> {
protected:
    unsigned dimensions = std::get<0>(GetParam());
    Shape shape = std::get<1>(GetParam());
    Random random{dimensions * 100 + static_cast<unsigned>(shape)};
};

inline HeapAddress address(std::uint64_t number) {
    return tree::as_address((number / 200) << 16 | (number % 200 + 1));
}

/// A tree, and beside it what it should hold.
class Tree {
public:
    explicit Tree(unsigned dimensions) : geometry(dimensions) {
        tree::Meta meta{};
        meta.method = 2;
        meta.dimensions = dimensions;
        tree::create(store, meta);
    }
    unsigned dimensions() const { return geometry.layout().dimensions(); }

    void insert(const std::vector<float>& point) {
        const HeapAddress row = address(next_++);
        tree::insert(store, geometry, {point, row, {}});
        rows[tree::as_number(row)] = point;
    }
    /// `sorters` counts how many were asked for.
    void pack(const std::vector<std::vector<float>>& points, std::size_t memory_bytes,
              int* sorters = nullptr) {
        Packer packer(store, geometry.layout(), {memory_bytes}, [&](std::size_t) {
            if (sorters != nullptr) ++*sorters;
            return std::make_unique<soup::test::MemorySorter>();
        });
        for (const auto& point : points) {
            const HeapAddress row = address(next_++);
            packer.add(point.data(), row);
            rows[tree::as_number(row)] = point;
        }
        packer.finish();
    }
    tree::VacuumResult vacuum(const std::function<bool(std::uint64_t)>& is_dead) {
        test_transaction = std::make_unique<soup::test::MemoryStore::Transaction>(store);
        tree::VacuumResult result = tree::bulk_delete(
            store, geometry, [&](HeapAddress row) { return is_dead(tree::as_number(row)); });
        tree::clean_up(store, geometry, result);
        test_transaction.reset();
        std::erase_if(rows, [&](const auto& row) { return is_dead(row.first); });
        return result;
    }

    void expect_sound(tree::Unlinked unlinked = tree::Unlinked::reported) {
        tree::verify(store, geometry, unlinked, [](const tree::Violation& found) {
            ADD_FAILURE() << "block " << found.block << ": " << found.kind << ", " << found.detail;
        });
    }

    std::vector<std::uint64_t> expected(const BoxOf* box, const BallOf* ball) const {
        std::vector<std::uint64_t> found;
        for (const auto& [row, point] : rows) {
            bool in = true;
            for (unsigned j = 0; j < dimensions() && box != nullptr; ++j)
                in = in && box->lower[j] <= point[j] && point[j] <= box->upper[j];
            if (ball != nullptr)
                in = in && squared_distance(point.data(), ball->centre.data(), dimensions()) <=
                               ball->radius * ball->radius;
            if (in) found.push_back(row);
        }
        return found; // In ascending order, as the map is.
    }

    Region region(const BoxOf* box, const BallOf* ball) const {
        Region result(dimensions());
        if (box != nullptr) result.keep_box(box->lower.data(), box->upper.data());
        if (ball != nullptr) result.keep_ball(ball->centre.data(), ball->radius);
        return result;
    }

    /// The rows of a region, sorted; checks that the points that came with them are theirs.
    std::vector<std::uint64_t> found(const BoxOf* box, const BallOf* ball) {
        RegionScan scan(store, geometry.layout(), region(box, ball), RegionScan::Want::rows_and_points);
        std::vector<std::uint64_t> result;
        Hits hits;
        while (scan.next(hits))
            for (std::size_t i = 0; i < hits.rows.size(); ++i) {
                const std::uint64_t row = tree::as_number(hits.rows[i]);
                result.push_back(row);
                const auto& point = rows.at(row);
                EXPECT_TRUE(std::equal(point.begin(), point.end(), hits.points.begin() + i * dimensions()));
            }
        std::sort(result.begin(), result.end());
        return result;
    }

    /// The nearest `limit` rows, checked against all of the region's: ascending by the operator's distance,
    /// none nearer left out, each distance that of its point.
    void expect_nearest(const std::vector<float>& from, const BoxOf* box, const BallOf* ball,
                        std::size_t limit, NearestScan::Pinning pinning = NearestScan::Pinning::none) {
        const auto distance = [&](std::uint64_t row) {
            return std::sqrt(static_cast<double>(
                simd::kernels().l2_squared(from.data(), rows.at(row).data(), dimensions())));
        };
        std::vector<double> distances;
        const std::vector<std::uint64_t> all = expected(box, ball);
        distances.reserve(all.size());
        for (const std::uint64_t row : all)
            distances.push_back(distance(row));
        std::sort(distances.begin(), distances.end());

        NearestScan scan(store, geometry.layout(), from, region(box, ball), pinning);
        NearestScan::Found found;
        std::vector<std::uint64_t> seen;
        while (seen.size() < limit && scan.next(found)) {
            const std::uint64_t row = tree::as_number(found.row);
            ASSERT_LT(seen.size(), distances.size()) << "more rows than there are";
            ASSERT_EQ(found.distance, distances[seen.size()]);
            ASSERT_EQ(found.distance, distance(row));
            seen.push_back(row);
        }
        EXPECT_EQ(seen.size(), std::min(limit, all.size()));
        std::sort(seen.begin(), seen.end());
        EXPECT_TRUE(std::adjacent_find(seen.begin(), seen.end()) == seen.end()) << "a row came twice";
        EXPECT_TRUE(std::includes(all.begin(), all.end(), seen.begin(), seen.end()));
    }

    soup::test::MemoryStore store;
    BoxGeometry geometry;
    std::map<std::uint64_t, std::vector<float>> rows;

private:
    std::uint64_t next_ = 0;
    std::unique_ptr<soup::test::MemoryStore::Transaction> test_transaction;
};

inline BoxOf make_box(Shape shape, unsigned dimensions, Random& random) {
    BoxOf box{make_point(shape, dimensions, random), make_point(shape, dimensions, random)};
    for (unsigned j = 0; j < dimensions; ++j) {
        // A box that is a point or flat, one between two points, and one that all points of many dimensions
        // fit.
        if (random() % 8 == 0) box.upper[j] = box.lower[j];
        if (random() % 4 == 0) box.lower[j] = -3e38f, box.upper[j] = 3e38f;
        if (box.lower[j] > box.upper[j]) std::swap(box.lower[j], box.upper[j]);
    }
    return box;
}

inline BallOf make_ball(Shape shape, unsigned dimensions, Random& random) {
    BallOf ball{make_point(shape, dimensions, random), 0};
    const auto border = make_point(shape, dimensions, random);
    // The radius reaches just to a point, or almost.
    ball.radius = std::sqrt(squared_distance(ball.centre.data(), border.data(), dimensions));
    if (random() % 4 == 0) ball.radius *= 0.3;
    if (random() % 8 == 0) ball.radius = 0;
    return ball;
}

} // namespace soup::vtree::test
