// vann without the server: how good and how fast the index itself is, on pages in memory.
//
//   in_memory --base FILE --queries FILE [--truth FILE] [--json OUT] [--peers] [--built bulk,inserts,churned]
//
// For each way of building: time, pages, fill; for each recall that can be asked for: what calibration chose,
// the recall measured on the given queries, pages read, processor time a query; a churned index also with
// what was chosen before ("as fresh"). --peers adds hnswlib's and FAISS's curves, the limit in memory. The
// calibration never sees the queries.
#include "core/simd/dispatch.hpp"
#include "core/tree/insert.hpp"
#include "core/tree/vacuum.hpp"
#include "core/tree/verify.hpp"
#include "core/vann/build.hpp"
#ifdef SOUP_MEMORY_PEERS
#include "tests/bench/vectors/memory_peers.hpp"
#endif
#include "tests/bench/vectors/memory_rows.hpp"
#include "tests/bench/vectors/program.hpp"
#include "tests/bench/vectors/thread_clock.hpp"
#include "tests/bench/vectors/truth.hpp"
#include "tests/lib/memory_sorter.hpp"
#include "tests/lib/memory_store.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <numeric>
#include <random>

namespace soup::bench {
namespace {

using Clock = ThreadClock;
double since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Options {
    std::string base, queries, truth, json, built = "bulk", metric = "l2";
    std::size_t rows = SIZE_MAX, query_count = 1000, memory_mib = 1024, rounds = 3;
    [[maybe_unused]] bool with_peers = false;
};

vann::Metric metric_named(const std::string& name) {
    if (name == "l2") return vann::Metric::l2;
    if (name == "cosine") return vann::Metric::cosine;
    throw std::runtime_error("metric " + name + " is not measured here");
}

/// An index on pages in memory, and what made it.
class Index {
public:
    Index(const Vectors& base, const Options& options) : base_(base), options_(options) {
        parameters_.dimensions = static_cast<unsigned>(base.dimensions);
        parameters_.metric = metric_named(options.metric);
        parameters_.seed = 12345;
        tree::Meta meta{};
        vann::store(parameters_, meta);
        tree::create(store_, meta);
        geometry_ = std::make_unique<vann::VannGeometry>(parameters_);
    }

    void build_in_bulk(std::size_t rows) {
        const auto start = Clock::now();
        vann::Builder builder(store_, parameters_, build_options(rows));
        const std::size_t sample = std::min(builder.sample_rows(), rows);
        std::vector<std::uint32_t> chosen(rows);
        std::iota(chosen.begin(), chosen.end(), 0);
        if (sample < rows) {
            std::mt19937 random(7);
            std::ranges::shuffle(chosen, random);
            chosen.resize(sample);
            std::ranges::sort(chosen);
        }
        for (const std::uint32_t row : chosen)
            builder.sample(base_.row(row));
        builder.train();
        const double trained = since(start);
        for (std::uint32_t row = 0; row < rows; row++)
            builder.add(base_.row(row), address_of(row), {});
        const double added = since(start);
        builder.finish();
        build_seconds_ = since(start);
        builder.measure();
        parameters_ = builder.parameters();
        std::printf("bulk: %.1f s (train %.1f, assign %.1f, write %.1f), calibration %.1f s\n",
                    build_seconds_, trained, added - trained, build_seconds_ - added,
                    since(start) - build_seconds_);
    }

    /// `from` to `to` of the base, one by one, in random order.
    void insert(std::uint32_t from, std::uint32_t to) {
        std::vector<std::uint32_t> order(to - from);
        std::iota(order.begin(), order.end(), from);
        std::mt19937 random(8);
        std::ranges::shuffle(order, random);
        const vann::Space space = make_space();
        std::vector<float> point(geometry_->layout().padded);
        const auto start = Clock::now();
        for (const std::uint32_t row : order)
            if (space.to_point(base_.row(row), point.data()))
                tree::insert(store_, *geometry_, {point, address_of(row), {}});
        inserts_a_second_ = static_cast<double>(order.size()) / since(start);
        std::printf("inserts: %.0f a second\n", inserts_a_second_);
    }

    /// Deletes every other row and inserts it anew.
    void churn() {
        const auto is_dead = [](tree::HeapAddress address) { return row_of(address) % 2 == 1; };
        tree::VacuumResult result = tree::bulk_delete(store_, *geometry_, is_dead);
        tree::clean_up(store_, *geometry_, result);
        std::vector<std::uint32_t> order;
        for (std::uint32_t row = 1; row < base_.rows; row += 2)
            order.push_back(row);
        std::mt19937 random(9);
        std::ranges::shuffle(order, random);
        const vann::Space space = make_space();
        std::vector<float> point(geometry_->layout().padded);
        for (const std::uint32_t row : order)
            if (space.to_point(base_.row(row), point.data()))
                tree::insert(store_, *geometry_, {point, address_of(row), {}});
        std::printf("churned: %llu deleted, %zu inserted\n", static_cast<unsigned long long>(result.dead),
                    order.size());
    }

    void calibrate() {
        const auto start = Clock::now();
        auto queries = vann::draw_queries(store_, *geometry_, vann::calibration_queries(base_.rows), 77);
        const vann::Space space = make_space();
        std::vector<float> point(geometry_->layout().padded);
        for (auto& query : queries)
            space.to_point(base_.row(row_of(query.self)), query.point.data());
        const auto exact = [&](const vann::CalibrationQuery& query,
                               tree::HeapAddress address) -> std::optional<float> {
            space.to_point(base_.row(row_of(address)), point.data());
            return simd::kernels().l2_squared(query.point.data(), point.data(), point.size());
        };
        parameters_.calibration = vann::calibrate(store_, *geometry_, queries, exact, base_.rows);
        std::printf("calibration of an index in use: %.1f s\n", since(start));
    }

    void check() {
        std::size_t violations = 0;
        tree::verify(store_, *geometry_, tree::Unlinked::reported, [&](const tree::Violation& violation) {
            if (violations++ < 10)
                std::printf("violation: block %u %s: %s\n", violation.block, violation.kind,
                            violation.detail.c_str());
        });
        unsigned leaves = 0, inner = 0, other = 0;
        std::uint64_t entries = 0;
        for (tree::Block block = 1; block < store_.block_count(); block++) {
            const tree::Page page = store_.lock(block, tree::Lock::shared);
            if (page.tail().kind == tree::PageKind::leaf) {
                leaves++;
                entries += vann::LeafView(geometry_->layout(), page.body(), block).live();
            } else if (page.tail().kind == tree::PageKind::inner) {
                inner++;
            } else {
                other++;
            }
        }
        const auto& layout = geometry_->layout();
        std::printf("pages: %u leaves (capacity %u, fill %.2f), %u inner (capacity %u), %u other; %.0f bytes "
                    "a vector; "
                    "violations: %zu\n",
                    leaves, layout.leaf.capacity,
                    static_cast<double>(entries) / leaves / layout.leaf.capacity, inner,
                    layout.inner.capacity, other,
                    8192.0 * store_.block_count() / static_cast<double>(base_.rows), violations);
    }

    struct Measured {
        double recall = 0, microseconds = 0, inner = 0, leaves = 0, details = 0;
    };
    Measured ask(const Vectors& queries, const Truth& truth, const vann::SearchSettings& settings) {
        const vann::Space space = make_space();
        vann::Query query(geometry_->layout());
        vann::Search search(store_, *geometry_);
        std::vector<float> point(geometry_->layout().padded);
        std::vector<std::uint32_t> found;
        Measured measured;
        double best = 1e9;
        for (std::size_t round = 0; round < options_.rounds; round++) {
            double seconds = 0;
            for (std::size_t q = 0; q < queries.rows; q++) {
                found.clear();
                const auto start = Clock::now();
                space.to_point(queries.row(q), point.data());
                query.prepare(point.data());
                search.start(query, settings);
                while (found.size() < 10) {
                    const auto next = search.next();
                    if (!next) break;
                    found.push_back(row_of(next->address));
                }
                seconds += since(start);
                if (round > 0) continue;
                measured.recall += recall(base_, queries, q, truth, 10, found);
                measured.inner += static_cast<double>(search.pages().inner);
                measured.leaves += static_cast<double>(search.pages().leaves);
                measured.details += static_cast<double>(search.pages().details);
            }
            best = std::min(best, seconds);
        }
        const auto count = static_cast<double>(queries.rows);
        measured.recall /= count;
        measured.inner /= count;
        measured.leaves /= count;
        measured.details /= count;
        measured.microseconds = best / count * 1e6;
        return measured;
    }

    const vann::Calibration& calibration() const { return parameters_.calibration; }
    double build_seconds() const { return build_seconds_; }
    double inserts_a_second() const { return inserts_a_second_; }

private:
    vann::BuildOptions build_options(std::size_t rows) {
        vann::BuildOptions options;
        options.memory_bytes = options_.memory_mib << 20;
        options.expected_rows = rows;
        options.make_sorter = [](std::size_t) { return std::make_unique<test::MemorySorter>(); };
        options.fetch = [this](tree::HeapAddress address, float* vector) {
            std::copy_n(base_.row(row_of(address)), base_.dimensions, vector);
            return true;
        };
        return options;
    }
    vann::Space make_space() {
        std::vector<float> mean;
        if (parameters_.mean != tree::no_block)
            mean = vann::read_mean(store_, parameters_.mean, parameters_.dimensions);
        return {parameters_, mean};
    }

    const Vectors& base_;
    const Options& options_;
    vann::Parameters parameters_;
    test::MemoryStore store_;
    std::unique_ptr<vann::VannGeometry> geometry_;
    double build_seconds_ = 0, inserts_a_second_ = 0;
};

void normalise(Vectors& vectors) {
    for (std::size_t i = 0; i < vectors.rows; i++) {
        float* row = &vectors.values[i * vectors.dimensions];
        const double norm = std::sqrt(simd::kernels().squared_norm(row, vectors.dimensions));
        for (std::size_t d = 0; norm > 0 && d < vectors.dimensions; d++)
            row[d] = static_cast<float>(row[d] / norm);
    }
}

void print_row(std::FILE* json, const char* index, double asked, double promised,
               const vann::SearchSettings& settings, const Index::Measured& measured) {
    std::printf("%-9s %6.3f %8.4f  %6.4f  %6u %5u %6u   %6.1f %6.1f %7.1f  %8.1f\n", index, asked, promised,
                measured.recall, settings.probes, settings.beam, settings.rerank, measured.inner,
                measured.leaves, measured.details, measured.microseconds);
    if (json != nullptr)
        std::fprintf(json,
                     "{\"index\": \"%s\", \"asked\": %.3f, \"promised\": %.4f, \"recall\": %.4f, \"probes\": "
                     "%u, \"beam\": %u, "
                     "\"rerank\": "
                     "%u, \"inner\": %.1f, \"leaves\": %.1f, \"details\": %.1f, \"microseconds\": %.1f}\n",
                     index, asked, promised, measured.recall, settings.probes, settings.beam, settings.rerank,
                     measured.inner, measured.leaves, measured.details, measured.microseconds);
}

int run(int argc, char** argv) {
    CLI::App app{"vann on pages in memory"};
    Options options;
    app.add_option("--base", options.base)->required();
    app.add_option("--queries", options.queries)->required();
    app.add_option("--truth", options.truth, "row numbers of the true neighbours; computed if not given");
    app.add_option("--json", options.json, "a line per measurement; the computed truth is kept beside it");
    app.add_option("--built", options.built, "bulk, inserts, churned, separated by commas");
    app.add_option("--metric", options.metric, "l2 or cosine");
    app.add_option("--rows", options.rows, "of the base, at most");
    app.add_option("--query-count", options.query_count);
    app.add_option("--memory", options.memory_mib, "MiB for a build");
    app.add_option("--rounds", options.rounds, "the best of so many is the time");
#ifdef SOUP_MEMORY_PEERS
    app.add_flag("--peers", options.with_peers, "hnswlib and FAISS beside");
#endif
    CLI11_PARSE(app, argc, argv);
    std::setvbuf(stdout, nullptr, _IOLBF, 0);

    simd::choose(simd::best_available());
    Vectors base = read_base(options.base, options.rows),
            queries = read_vectors(options.queries, options.query_count);
    if (options.metric == "cosine") {
        normalise(base);
        normalise(queries);
    }
    const Truth truth =
        options.truth.empty()
            ? exact_neighbours(base, queries, 10, options.json.empty() ? "" : options.json + ".truth")
            : given_neighbours(base, queries, 10, options.truth);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> json(
        options.json.empty() ? nullptr : std::fopen(options.json.c_str(), "w"), &std::fclose);
    if (!options.json.empty() && !json) throw std::runtime_error(options.json + ": cannot be written");
    if (json)
        std::setvbuf(json.get(), nullptr, _IOLBF, 0); // What was measured stays if the rest takes too long.
    std::printf("%zu vectors of %zu dimensions, %zu queries, kernels: %s\n", base.rows, base.dimensions,
                queries.rows, simd::name(simd::chosen()));

    for (const char* way : {"bulk", "inserts", "churned"}) {
        if (options.built.find(way) == std::string::npos) continue;
        Index index(base, options);
        if (std::string_view(way) == "inserts") {
            // The first tenth in bulk: an index that began empty has no mean to centre on.
            const auto first = static_cast<std::uint32_t>(base.rows / 10);
            index.build_in_bulk(first);
            index.insert(first, static_cast<std::uint32_t>(base.rows));
            index.calibrate();
        } else {
            index.build_in_bulk(base.rows);
        }
        const vann::Calibration fresh = index.calibration();
        const bool is_churned = std::string_view(way) == "churned";
        if (is_churned) {
            index.churn();
            index.calibrate();
        }
        index.check();
        std::printf("%-9s %6s %8s  %6s  %6s %5s %6s   %6s %6s %7s  %8s\n", "index", "asked", "promised",
                    "recall", "probes", "beam", "rerank", "inner", "leaves", "details", "us/query");
        const auto print_all = [&](const char* name, const vann::Calibration& calibration) {
            for (std::size_t i = 0; i < vann::recall_targets.size(); i++) {
                const float target = vann::recall_targets[i];
                const auto settings = vann::settings_for(calibration, target);
                print_row(json.get(), name, target, calibration.settings[i].measured_recall, settings,
                          index.ask(queries, truth, settings));
            }
        };
        print_all(way, index.calibration());
        if (is_churned) print_all("as fresh", fresh);
    }
#ifdef SOUP_MEMORY_PEERS
    if (options.with_peers) measure_peers(base, queries, truth, json.get());
#endif
    return 0;
}

} // namespace
} // namespace soup::bench

int main(int argc, char** argv) {
    return soup::bench::run_program("in_memory", soup::bench::run, argc, argv);
}
