// Which leaves should a query read? Rules against one another, on pages in memory: leaves read at equal
// recall.
//
//   leaf_rules --base FILE --queries FILE [--rows N]
//
// Every leaf that may matter is scored once for every query, in the order in which a search would come to it
// if it opened all inner pages; how far each rule would have gone is read off that. Ranking takes no part: an
// entry counts as found when its leaf was read. For each rule and recall: the rule's parameter, and leaves
// read on average and by the query at the 95th percentile.
#include "core/simd/dispatch.hpp"
#include "core/tree/insert.hpp"
#include "core/vann/build.hpp"
#include "core/vann/frontier.hpp"
#include "tests/bench/vectors/memory_rows.hpp"
#include "tests/bench/vectors/program.hpp"
#include "tests/bench/vectors/truth.hpp"
#include "tests/lib/memory_sorter.hpp"
#include "tests/lib/memory_store.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace soup::bench {
namespace {

constexpr std::size_t leaves_max = 320;
constexpr std::size_t entries_kept = 48; ///< Of a leaf: more than the nearest 40 are not asked about.

struct Leaf {
    float order, width; ///< Of its centroid; root of the mean squared distance of its entries from it.
    unsigned true_neighbours = 0; ///< Among its entries.
    std::vector<float> nearest;   ///< Its entries' estimates, ascending.
};
using Route = std::vector<Leaf>;

/// The `wanted` nearest entries so far.
class NearestEntries {
public:
    explicit NearestEntries(std::size_t wanted) : wanted_(wanted) {}
    bool add(const Leaf& leaf) {
        bool is_changed = false;
        for (const float order : leaf.nearest) {
            if (heap_.size() == wanted_) {
                if (order >= heap_.front()) break;
                std::ranges::pop_heap(heap_);
                heap_.pop_back();
            }
            heap_.push_back(order);
            std::ranges::push_heap(heap_);
            is_changed = true;
        }
        return is_changed;
    }
    float last() const {
        return heap_.size() < wanted_ ? std::numeric_limits<float>::infinity() : heap_.front();
    }

private:
    std::size_t wanted_;
    std::vector<float> heap_;
};

struct Rule {
    const char* name;
    double low, high; ///< Of its parameter; more reads more.
    std::size_t (*leaves)(const Route&, double parameter);
};

template<class GoesOn>
std::size_t while_nearest_say(const Route& route, std::size_t entries, GoesOn goes_on) {
    NearestEntries nearest(entries);
    std::size_t read = 0;
    while (read < route.size() && (read == 0 || goes_on(route[read], nearest.last())))
        nearest.add(route[read++]);
    return read;
}

const Rule rules[] = {
    {"a number", 1, leaves_max, [](const Route&, double number) { return static_cast<std::size_t>(number); }},
    {"reach from the nearest four", -1, 8,
     [](const Route& route, double reach) {
         vann::Nearest nearest;
         for (const Leaf& leaf : route)
             nearest.add(leaf.order);
         const float limit = nearest.limit(static_cast<float>(reach));
         std::size_t read = 0;
         while (read < route.size() && route[read].order <= limit)
             read++;
         return read;
     }},
    {"reach from the nearest", 0, 16,
     [](const Route& route, double reach) {
         std::size_t read = 0;
         while (read < route.size() && route[read].order <= (1 + reach) * route[0].order)
             read++;
         return read;
     }},
    {"times the 20th entry", 0.1, 16,
     [](const Route& route, double times) {
         return while_nearest_say(route, 20,
                                  [=](const Leaf& leaf, float last) { return leaf.order <= times * last; });
     }},
    {"40th entry and leaf's width", -3, 3,
     [](const Route& route, double share) {
         return while_nearest_say(route, 40, [=](const Leaf& leaf, float last) {
             const float reached = leaf.order + leaf.width * leaf.width - last;
             return reached <= share * 2 * std::sqrt(std::max(leaf.order, 0.0F)) * leaf.width;
         });
     }},
    {"until 2 bring no new nearest", 1, 400,
     [](const Route& route, double entries) {
         NearestEntries nearest(static_cast<std::size_t>(entries));
         std::size_t read = 0;
         for (unsigned in_vain = 0; read < route.size() && in_vain < 2; read++)
             in_vain = nearest.add(route[read]) ? 0 : in_vain + 1;
         return read;
     }},
};

struct Outcome {
    double recall = 0, leaves = 0, most = 0;
};
Outcome outcome(const std::vector<Route>& routes, const Rule& rule, double parameter) {
    Outcome sum;
    std::vector<std::size_t> counts;
    for (const Route& route : routes) {
        const std::size_t read = std::clamp<std::size_t>(rule.leaves(route, parameter), 1, route.size());
        unsigned found = 0;
        for (std::size_t i = 0; i < read; i++)
            found += route[i].true_neighbours;
        sum.recall += std::min(found, 10U) / 10.0;
        sum.leaves += static_cast<double>(read);
        counts.push_back(read);
    }
    std::ranges::sort(counts);
    const auto queries = static_cast<double>(routes.size());
    return {sum.recall / queries, sum.leaves / queries,
            static_cast<double>(counts[counts.size() * 95 / 100])};
}

/// An index on pages in memory.
class Index {
public:
    explicit Index(const Vectors& base) : base_(base) {
        parameters_.dimensions = static_cast<unsigned>(base.dimensions);
        tree::Meta meta{};
        vann::store(parameters_, meta);
        tree::create(store_, meta);
        vann::BuildOptions options;
        options.memory_bytes = std::size_t{1} << 30;
        options.expected_rows = base.rows;
        options.make_sorter = [](std::size_t) { return std::make_unique<test::MemorySorter>(); };
        vann::Builder builder(store_, parameters_, options);
        for (std::size_t row = 0; row < base.rows; row++)
            builder.sample(base.row(row));
        builder.train();
        for (std::uint32_t row = 0; row < base.rows; row++)
            builder.add(base.row(row), address_of(row), {});
        builder.finish();
        parameters_ = builder.parameters();
    }

    std::vector<Route> routes(const Vectors& queries, const Truth& truth) {
        const vann::VannGeometry geometry(parameters_);
        const vann::Layout& layout = geometry.layout();
        std::vector<float> mean;
        if (parameters_.mean != tree::no_block)
            mean = vann::read_mean(store_, parameters_.mean, parameters_.dimensions);
        const vann::Space space(parameters_, mean);
        vann::Query query(layout);
        vann::Frontier frontier(store_, geometry);
        std::vector<float> point(layout.padded), orders(layout.leaf.capacity);
        std::vector<Route> routes;
        for (std::size_t q = 0; q < queries.rows; q++) {
            space.to_point(queries.row(q), point.data());
            query.prepare(point.data());
            frontier.start();
            frontier.open(query, ~0U >> 1);
            Route route;
            const auto taken = frontier.take(leaves_max);
            std::vector<vann::Frontier::Known> nearest(taken.begin(), taken.end());
            std::ranges::sort(nearest, {}, &vann::Frontier::Known::order);
            for (const auto& known : nearest) {
                const tree::Page page = store_.lock(known.link.block, tree::Lock::shared);
                const vann::LeafView leaf(layout, page.body(), page.block());
                vann::score_leaf(query, leaf, orders.data());
                Leaf seen{known.order, width(space, layout, leaf), 0, {}};
                for (unsigned slot = 0; slot < leaf.used(); slot++) {
                    if (vann::is_free(leaf.address(slot)) || vann::is_chain(leaf.address(slot))) continue;
                    seen.nearest.push_back(orders[slot]);
                    const float distance =
                        simd::kernels().l2_squared(vector_of(leaf, slot), queries.row(q), queries.dimensions);
                    seen.true_neighbours += distance <= truth.limit(q, 10) * 1.00001F ? 1 : 0;
                }
                std::ranges::sort(seen.nearest);
                seen.nearest.resize(std::min(seen.nearest.size(), entries_kept));
                route.push_back(std::move(seen));
            }
            routes.push_back(std::move(route));
        }
        return routes;
    }

private:
    const float* vector_of(const vann::LeafView& leaf, unsigned slot) const {
        return base_.row(row_of(leaf.address(slot)));
    }
    float width(const vann::Space& space, const vann::Layout& layout, const vann::LeafView& leaf) {
        float& width = widths_[leaf.body()];
        if (width > 0) return width;
        std::vector<float> centroid(layout.leaf_dims), point(layout.padded);
        leaf.read_centroid(centroid.data());
        double sum = 0;
        for (unsigned slot = 0; slot < leaf.used(); slot++) {
            if (vann::is_free(leaf.address(slot)) || vann::is_chain(leaf.address(slot))) continue;
            space.to_point(vector_of(leaf, slot), point.data());
            sum += simd::kernels().l2_squared(centroid.data(), point.data(), layout.leaf_dims);
        }
        return width = static_cast<float>(std::sqrt(sum / std::max(leaf.live(), 1U)));
    }

    const Vectors& base_;
    vann::Parameters parameters_;
    test::MemoryStore store_;
    std::unordered_map<const std::byte*, float> widths_;
};

int run(int argc, char** argv) {
    CLI::App app{"Rules about which leaves to read"};
    std::string base_file, query_file;
    std::size_t rows = SIZE_MAX;
    app.add_option("--base", base_file)->required();
    app.add_option("--queries", query_file)->required();
    app.add_option("--rows", rows, "of the base, at most");
    CLI11_PARSE(app, argc, argv);
    simd::choose(simd::best_available());
    const Vectors base = read_vectors(base_file, rows), queries = read_vectors(query_file, 1000);
    const Truth truth = exact_neighbours(base, queries, 10, "");
    const std::vector<Route> routes = Index(base).routes(queries, truth);
    std::printf("%zu vectors of %zu dimensions, %zu queries\n%-30s %6s %9s %8s %6s\n", base.rows,
                base.dimensions, queries.rows, "rule", "recall", "parameter", "leaves", "95 %");
    for (const double target : {0.9, 0.95, 0.99})
        for (const Rule& rule : rules) {
            double low = rule.low, high = rule.high;
            for (int halving = 0; halving < 16; halving++) {
                const double middle = (low + high) / 2;
                (outcome(routes, rule, middle).recall < target ? low : high) = middle;
            }
            const Outcome reached = outcome(routes, rule, high);
            std::printf("%-30s %6.4f %9.3f %8.2f %6.0f\n", rule.name, reached.recall, high, reached.leaves,
                        reached.most);
        }
    return 0;
}

} // namespace
} // namespace soup::bench

int main(int argc, char** argv) {
    return soup::bench::run_program("leaf_rules", soup::bench::run, argc, argv);
}
