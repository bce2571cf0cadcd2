// A point type per number of dimensions, for Boost.Geometry has it as a constant. A ball is its bounding box
// first, then each point's distance.
#include "tests/bench/points/in_memory.hpp"

#include <boost/function_output_iterator.hpp>
#include <boost/geometry.hpp>
#include <boost/geometry/index/rtree.hpp>

namespace soup::bench {
namespace {

namespace geometry = boost::geometry;

template<std::size_t dimensions>
class Tree final : public InMemory {
public:
    explicit Tree(const Vectors& points) : tree_(all_of(points)) {}

    long count(const Box& box) const override {
        return counted(geometry::index::covered_by(Region(point(box.lower), point(box.upper))));
    }
    long count(const Ball& ball) const override {
        Box around;
        for (const float c : ball.centre) {
            around.lower.push_back(static_cast<float>(double{c} - ball.radius));
            around.upper.push_back(static_cast<float>(double{c} + ball.radius));
        }
        const auto is_within = [&](const Value& value) {
            return squared(value.first, ball.centre) <= ball.radius * ball.radius;
        };
        return counted(geometry::index::intersects(Region(point(around.lower), point(around.upper))) &&
                       geometry::index::satisfies(is_within));
    }
    long nearest(std::span<const float> place, unsigned wanted) const override {
        return counted(geometry::index::nearest(point(place), wanted));
    }

private:
    using Point = geometry::model::point<float, dimensions, geometry::cs::cartesian>;
    using Region = geometry::model::box<Point>;
    using Value = std::pair<Point, std::uint32_t>;

    template<std::size_t... j>
    static void set(Point& point, std::span<const float> from, std::index_sequence<j...>) {
        (geometry::set<j>(point, from[j]), ...);
    }
    static Point point(std::span<const float> from) {
        Point point;
        set(point, from, std::make_index_sequence<dimensions>());
        return point;
    }
    template<std::size_t... j>
    static double squared(const Point& a, std::span<const float> b, std::index_sequence<j...>) {
        const auto part = [](double x, double y) { return (x - y) * (x - y); };
        return (part(geometry::get<j>(a), b[j]) + ...);
    }
    static double squared(const Point& a, std::span<const float> b) {
        return squared(a, b, std::make_index_sequence<dimensions>());
    }
    static std::vector<Value> all_of(const Vectors& points) {
        std::vector<Value> all;
        all.reserve(points.rows);
        for (std::size_t row = 0; row < points.rows; ++row)
            all.emplace_back(point({points.row(row), dimensions}), static_cast<std::uint32_t>(row));
        return all;
    }
    template<class Predicate>
    long counted(const Predicate& predicate) const {
        long count = 0;
        tree_.query(predicate, boost::make_function_output_iterator([&](const Value&) { ++count; }));
        return count;
    }

    geometry::index::rtree<Value, geometry::index::rstar<16>> tree_;
};

/// What it is compiled for. The code is the same for each, and clang-tidy, which took minutes for all, is
/// shown one of them.
#ifdef __clang_analyzer__
using Compiled = std::index_sequence<2>;
#else
using Compiled = std::index_sequence<2, 3, 4, 6, 8, 16>;
#endif

template<std::size_t... dimensions>
std::unique_ptr<InMemory> pack(const Vectors& points, std::index_sequence<dimensions...>) {
    std::unique_ptr<InMemory> tree;
    const auto try_one = [&]<std::size_t one>(std::integral_constant<std::size_t, one>) {
        if (points.dimensions == one) tree = std::make_unique<Tree<one>>(points);
    };
    (try_one(std::integral_constant<std::size_t, dimensions>()), ...);
    return tree;
}

} // namespace

std::unique_ptr<InMemory> pack_in_memory(const Vectors& points) {
    return pack(points, Compiled());
}

} // namespace soup::bench
