// vann against pgvector's HNSW on the same server, the same data, in turns: recall-throughput curves, warm
// and with cold processor caches; build, size, inserts and the log they write; a filter; recall after half of
// the rows were replaced.
//
// Beside the curves stands what the same server needs for a statement with the same parameters that reads
// nothing, and for ten rows by a btree; beside the inserts, those into a table without an index. No index can
// be faster than these.
//
// Without pgvector on the server, vann alone. Everything goes to a JSON file, a summary to standard output.
#include "tests/bench/vectors/cold_caches.hpp"
#include "tests/bench/vectors/curve.hpp"
#include "tests/bench/vectors/peer.hpp"
#include "tests/bench/vectors/program.hpp"
#include "tests/bench/vectors/truth.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <random>
#include <thread>

using namespace soup::bench;

namespace {

struct Options {
    std::string base, queries, truth, json, cache;
    std::size_t rows = SIZE_MAX, query_count = 1000, inserts = 4000;
    int rounds = 3;
    bool with_pgvector = false, with_cold = true, with_inserts = true, with_filter = true,
         with_replacement = true;
};

constexpr std::size_t depth = 10;
constexpr double targets[] = {0.90, 0.95, 0.99};
constexpr const char* floor_statements[] = {"nothing", "by_btree"};

/// A way of inserting rows one a commit.
struct SingleInserts {
    const char* name;
    const char* key; ///< Follows the figures' names.
    std::size_t sessions;
    const char* setting;
};
constexpr SingleInserts single_inserts[] = {
    {"one session", "", 1, "SET synchronous_commit = on"},
    {"8 sessions", "_by_8", 8, "SET synchronous_commit = on"},
    {"one session that does not wait for the disk", "_unwaited", 1, "SET synchronous_commit = off"},
};

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// JSON by hand: numbers and plain words only.
class Json {
public:
    explicit Json(const std::string& path) : file_(path) {
        if (!file_) throw std::runtime_error("cannot write " + path);
        file_ << "{";
    }
    ~Json() { file_ << "\n}\n"; }
    void number(const std::string& key, double value) { name(key) << value; }
    void word(const std::string& key, const std::string& value) { name(key) << '"' << value << '"'; }
    void curve(const std::string& key, const std::vector<CurvePoint>& points) {
        name(key) << "[";
        for (std::size_t i = 0; i < points.size(); ++i)
            file_ << (i > 0 ? "," : "") << "\n    {\"" << points[i].setting << "\": " << points[i].value
                  << ", \"recall\": " << points[i].recall << ", \"qps\": " << points[i].queries_per_second
                  << "}";
        file_ << "]";
    }

private:
    std::ofstream& name(const std::string& key) {
        file_ << (first_ ? "" : ",") << "\n  \"" << key << "\": ";
        first_ = false;
        return file_;
    }
    std::ofstream file_;
    bool first_ = true;
};

class Bench {
public:
    explicit Bench(Options options)
        : options_(std::move(options)), json_(options_.json), base_(read_base(options_.base, options_.rows)),
          queries_(read_vectors(options_.queries, options_.query_count)) {
        loaded_ = base_.rows - (options_.with_inserts ? std::min(options_.inserts, base_.rows / 10) : 0);
        Vectors loaded = base_;
        loaded.rows = loaded_;
        loaded.values.resize(loaded.rows * loaded.dimensions);
        loaded_base_ = std::move(loaded);
        truth_ = options_.truth.empty() || loaded_ != base_.rows
                     ? exact_neighbours(loaded_base_, queries_, depth, options_.cache)
                     : given_neighbours(loaded_base_, queries_, depth, options_.truth);
        std::mt19937 random(1);
        for (std::size_t i = 0; i < queries_.rows; ++i)
            places_.push_back(static_cast<std::int32_t>(random()));
        peers_.emplace_back(vann_peer());
        if (options_.with_pgvector) peers_.emplace_back(pgvector_peer());
        std::printf("%zu vectors of %zu dimensions, %zu queries\n", loaded_, base_.dimensions, queries_.rows);
        if (!options_.truth.empty() && loaded_ != base_.rows)
            std::printf("the truth was computed: the last %zu of the rows are kept for inserts\n",
                        base_.rows - loaded_);
        json_.word("postgresql",
                   peers_.front().value("SELECT split_part(current_setting('server_version'), ' ', 1)"));
        if (options_.with_pgvector)
            json_.word("pgvector",
                       peers_.back().value("SELECT extversion FROM pg_extension WHERE extname = 'vector'"));
        json_.number("vectors", static_cast<double>(loaded_));
        json_.number("dimensions", static_cast<double>(base_.dimensions));
    }

    void run() {
        for (auto& peer : peers_)
            load_and_build(peer);
        measure_curves();
        measure_promises();
        measure_floor();
        if (options_.with_cold) measure_cold();
        if (options_.with_inserts) measure_inserts();
        if (options_.with_replacement) measure_replacement();
        if (options_.with_filter) measure_filter();
    }

private:
    std::string key(const Peer& peer, const char* what) const { return peer.kind().database + "_" + what; }
    std::span<const float> query(std::size_t i) const { return {queries_.row(i), queries_.dimensions}; }

    void load_and_build(Peer& peer) {
        peer.run("SET maintenance_work_mem = '2GB'");
        peer.run("SET max_parallel_maintenance_workers = 1"); // Two processes.
        peer.load(base_, loaded_);
        const double seconds = peer.build(false);
        const double bytes = peer.index_bytes() / static_cast<double>(loaded_);
        std::printf("%-14s build %7.2f s, %6.0f bytes a vector\n", peer.kind().name.c_str(), seconds, bytes);
        json_.number(key(peer, "build_s"), seconds);
        json_.number(key(peer, "bytes_per_vector"), bytes);
        peer.prepare();
    }

    /// Recall and rate of one setting. All queries are asked again until a quarter of a second has passed:
    /// what a thousand take of a fast one is shorter than the moods of a machine.
    CurvePoint measure(Peer& peer, const Setting& setting) {
        constexpr double least_seconds = 0.25;
        peer.set(setting);
        const double begin = now();
        auto answers = peer.ask_all("nearest", queries_, places_);
        int times = 1;
        for (; now() - begin < least_seconds; ++times)
            answers = peer.ask_all("nearest", queries_, places_);
        const double seconds = (now() - begin) / times;
        return {setting.name, setting.value, mean_recall(queries_, truth_, answers),
                static_cast<double>(queries_.rows) / seconds};
    }

    double mean_recall(const Vectors& queries, const Truth& truth,
                       const std::vector<std::vector<std::uint32_t>>& answers) const {
        double found = 0;
        for (std::size_t i = 0; i < queries.rows; ++i)
            found += recall(loaded_base_, queries, i, truth, depth, answers[i]);
        return found / static_cast<double>(queries.rows);
    }

    void measure_curves() {
        curves_.assign(peers_.size(), {});
        for (int round = 0; round < options_.rounds; ++round) {
            std::size_t most = 0;
            for (const auto& peer : peers_)
                most = std::max(most, peer.kind().settings.size());
            for (std::size_t s = 0; s < most; ++s)
                for (std::size_t p = 0; p < peers_.size(); ++p)
                    if (s < peers_[p].kind().settings.size())
                        keep_best(p, measure(peers_[p], peers_[p].kind().settings[s]));
        }
        for (std::size_t p = 0; p < peers_.size(); ++p) {
            std::printf("\n%s\n", peers_[p].kind().name.c_str());
            for (const auto& point : curves_[p])
                std::printf("  %s = %-6s recall %.4f  %8.0f queries/s\n", point.setting.c_str(),
                            point.value.c_str(), point.recall, point.queries_per_second);
            json_.curve(key(peers_[p], "curve"), curves_[p]);
        }
        print_ratios("warm", curves_);
    }

    /// What vann.recall gives, on as many queries as there are: of a thousand the mean is not sure to a
    /// hundredth.
    void measure_promises() {
        constexpr std::size_t most = 10'000;
        const Vectors queries = read_vectors(options_.queries, most);
        if (queries.rows <= queries_.rows) return;
        const Truth truth = exact_neighbours(loaded_base_, queries, depth, options_.cache + ".all");
        const std::vector<std::int32_t> places(queries.rows);
        std::vector<CurvePoint> promises = curves_.front();
        std::printf("\n%s, %zu queries\n", peers_.front().kind().name.c_str(), queries.rows);
        for (CurvePoint& point : promises) {
            peers_.front().set({point.setting, point.value});
            const double begin = now();
            const auto answers = peers_.front().ask_all("nearest", queries, places);
            point.queries_per_second = static_cast<double>(queries.rows) / (now() - begin);
            point.recall = mean_recall(queries, truth, answers);
            std::printf("  %s = %-6s recall %.4f\n", point.setting.c_str(), point.value.c_str(),
                        point.recall);
        }
        json_.number("promise_queries", static_cast<double>(queries.rows));
        json_.curve(key(peers_.front(), "promises"), promises);
    }

    void keep_best(std::size_t peer, const CurvePoint& point) {
        for (auto& kept : curves_[peer])
            if (kept.setting == point.setting && kept.value == point.value) {
                kept.queries_per_second = std::max(kept.queries_per_second, point.queries_per_second);
                return;
            }
        curves_[peer].push_back(point);
    }

    void print_ratios(const char* what, const std::vector<std::vector<CurvePoint>>& curves) {
        std::printf("\n%s, queries a second at recall@10\n", what);
        for (const double target : targets) {
            std::printf("  %.2f", target);
            std::optional<double> first;
            for (std::size_t p = 0; p < curves.size(); ++p) {
                const auto rate = rate_at(curves[p], target);
                std::printf("  %s %8.0f", peers_[p].kind().database.c_str(), rate.value_or(0));
                char name[64];
                std::snprintf(name, sizeof name, "%s_qps_at_%.2f", what, target);
                json_.number(key(peers_[p], name), rate.value_or(0));
                if (p == 0) first = rate;
                if (p > 0 && rate && first) std::printf("  ratio %.2f", *first / *rate);
            }
            std::printf("\n");
        }
    }

    void measure_floor() {
        for (auto& peer : peers_) {
            peer.prepare_floor();
            for (const char* statement : floor_statements) {
                double seconds = std::numeric_limits<double>::infinity();
                for (int round = 0; round < options_.rounds; ++round) {
                    const double begin = now();
                    peer.ask_all(statement, queries_, places_);
                    seconds = std::min(seconds, now() - begin);
                }
                print_floor("warm", peer, statement, static_cast<double>(queries_.rows) / seconds);
            }
            peer.drop_floor();
        }
    }

    void print_floor(const char* what, const Peer& peer, const std::string& statement, double rate) {
        std::printf("  %s, %s: %s %8.0f/s\n", what, peer.kind().database.c_str(), statement.c_str(), rate);
        json_.number(key(peer, (std::string(what) + "_" + statement + "_per_s").c_str()), rate);
    }

    /// The settings between which the warm curve has what is asked for, and the floors beside.
    void measure_cold() {
        const std::size_t count = std::min<std::size_t>(300, queries_.rows);
        const std::size_t joined_count = std::min<std::size_t>(100, count); // The server's sweep is slower.
        std::vector<ColdStatement> statements;
        for (std::size_t p = 0; p < peers_.size(); ++p) {
            peers_[p].prepare_floor();
            peers_[p].load_questions(queries_, joined_count);
            for (const char* statement : floor_statements)
                statements.push_back({&peers_[p], statement, std::nullopt});
            for (const CurvePoint& point : curves_[p])
                if (is_between_targets(curves_[p], point))
                    statements.push_back({&peers_[p], "nearest", point});
        }
        std::vector<ColdStatement> joined = statements;
        ask_cold(statements, queries_, places_, count);
        print_cold("cold", statements);
        ask_cold_joined(joined, joined_count);
        print_cold("cold_joined", joined);
        for (auto& peer : peers_)
            peer.drop_floor();
    }

    void print_cold(const char* what, std::span<const ColdStatement> statements) {
        std::vector<std::vector<CurvePoint>> curves(peers_.size());
        for (const ColdStatement& statement : statements) {
            const double rate = 1 / statement.seconds;
            if (!statement.point) {
                print_floor(what, *statement.peer, statement.name, rate);
                continue;
            }
            auto& curve = curves[static_cast<std::size_t>(statement.peer - peers_.data())];
            curve.push_back(*statement.point);
            curve.back().queries_per_second = rate;
        }
        print_ratios(what, curves);
    }

    static bool is_between_targets(const std::vector<CurvePoint>& curve, const CurvePoint& point) {
        return std::ranges::any_of(targets, [&](double target) {
            const std::vector<CurvePoint> points = points_at(curve, target);
            return std::ranges::find(points, point.value, &CurvePoint::value) != points.end();
        });
    }

    void insert_rows(Peer& peer, const char* statement, std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i)
            peer.insert(statement, static_cast<std::uint32_t>(i), {base_.row(i), base_.dimensions});
    }

    /// Rows a second, each a transaction of its own.
    double insert_singly(const PeerKind& kind, const char* statement, const SingleInserts& way,
                         std::size_t first, std::size_t last) {
        std::vector<Peer> peers;
        peers.reserve(way.sessions);
        for (std::size_t i = 0; i < way.sessions; ++i) {
            peers.emplace_back(kind).prepare();
            peers.back().run(way.setting);
        }
        const double begin = now();
        std::vector<std::thread> threads;
        threads.reserve(way.sessions);
        for (std::size_t i = 0; i < way.sessions; ++i)
            threads.emplace_back([&, i] {
                insert_rows(peers[i], statement, first + (last - first) * i / way.sessions,
                            first + (last - first) * (i + 1) / way.sessions);
            });
        for (std::thread& thread : threads)
            thread.join();
        return static_cast<double>(last - first) / (now() - begin);
    }

    void measure_inserts() {
        const std::size_t singly = (base_.rows - loaded_) / (std::size(single_inserts) + 1);
        std::printf("\ninserts into the indexed table (bare: into one without an index)\n");
        for (auto& peer : peers_) {
            std::size_t first = loaded_;
            for (const SingleInserts& way : single_inserts) {
                const double bare = insert_singly(peer.kind(), "insert_bare", way, first, first + singly);
                const double wal = peer.wal_bytes();
                const double rate = insert_singly(peer.kind(), "insert_one", way, first, first + singly);
                const double wal_bytes = (peer.wal_bytes() - wal) / static_cast<double>(singly);
                std::printf("  %-14s one a commit, %s: %8.0f/s, bare %8.0f/s, %.0f bytes of log a row\n",
                            peer.kind().name.c_str(), way.name, rate, bare, wal_bytes);
                json_.number(key(peer, (std::string("insert_single_per_s") + way.key).c_str()), rate);
                json_.number(key(peer, (std::string("insert_bare_per_s") + way.key).c_str()), bare);
                if (&way == single_inserts) json_.number(key(peer, "wal_bytes_per_insert"), wal_bytes);
                first += singly;
            }
            const std::size_t last = first;
            const double begin = now();
            for (std::size_t i = last; i < base_.rows; i += 1000) {
                peer.run("BEGIN");
                insert_rows(peer, "insert_one", i, std::min(i + 1000, base_.rows));
                peer.run("COMMIT");
            }
            const double batch_rate = static_cast<double>(base_.rows - last) / (now() - begin);
            std::printf("  %-14s 1000 a commit %8.0f/s\n", peer.kind().name.c_str(), batch_rate);
            json_.number(key(peer, "insert_batch_per_s"), batch_rate);
            peer.run("DELETE FROM item WHERE id >= " + std::to_string(loaded_));
        }
    }

    /// Half of the rows go and come back under new addresses: vann only, for the others it takes minutes.
    void measure_replacement() {
        Peer& peer = peers_.front();
        const Setting setting{"vann.recall", "0.95"};
        peer.run("VACUUM item"); // Dead rows of the inserts above would widen the search.
        const double fresh = measure(peer, setting).recall;
        peer.run("CREATE TEMP TABLE half AS SELECT * FROM item WHERE id % 2 = 0");
        peer.run("DELETE FROM item WHERE id % 2 = 0");
        peer.run("VACUUM item");
        peer.run("INSERT INTO item SELECT * FROM half ORDER BY hashint4(id)");
        peer.run("DROP TABLE half");
        const double replaced = measure(peer, setting).recall;
        std::printf("\nrecall at vann.recall = 0.95: %.4f fresh, %.4f after half of the rows were replaced\n",
                    fresh, replaced);
        json_.number("vann_recall_fresh", fresh);
        json_.number("vann_recall_replaced", replaced);
    }

    void measure_filter() {
        // The exact answer among the rows with each query's tag.
        const std::size_t count = std::min<std::size_t>(queries_.rows, 300);
        std::printf("\nfilter that 1 %% of the rows pass\n");
        for (auto& peer : peers_) {
            const bool has_tag = !peer.kind().filtered_index_clause.empty();
            measure_filter_on(peer, count, false);
            if (!has_tag) continue;
            peer.build(true);
            peer.prepare();
            measure_filter_on(peer, count, true);
        }
    }

    void measure_filter_on(Peer& peer, std::size_t count, bool in_index) {
        for (const auto& setting : peer.kind().settings) {
            peer.set(setting);
            double found = 0, seconds = 0, rows = 0;
            for (std::size_t i = 0; i < count; ++i) {
                const auto tag = static_cast<std::int32_t>(i % 100);
                const double begin = now();
                peer.ask("nearest_with_tag", query(i), tag, ids_);
                seconds += now() - begin;
                rows += static_cast<double>(ids_.size());
                found += filtered_recall(i, tag);
            }
            const double recall = found / static_cast<double>(count);
            std::printf("  %-14s%s %s = %-5s recall %.4f  %7.0f queries/s, %.2f rows\n",
                        peer.kind().name.c_str(), in_index ? " (tag in index)" : "", setting.name.c_str(),
                        setting.value.c_str(), recall, static_cast<double>(count) / seconds,
                        rows / static_cast<double>(count));
            const std::string prefix =
                key(peer, in_index ? "filter_in_index_" : "filter_") + setting.name + "_" + setting.value;
            json_.number(prefix + "_recall", recall);
            json_.number(prefix + "_qps", static_cast<double>(count) / seconds);
            json_.number(prefix + "_rows", rows / static_cast<double>(count));
            if (recall >= 0.995) break;
        }
    }

    double filtered_recall(std::size_t i, std::int32_t tag) {
        std::vector<float> distances;
        const auto distance = [&](std::size_t row) {
            float sum = 0;
            for (std::size_t d = 0; d < base_.dimensions; ++d) {
                const float difference = base_.row(row)[d] - queries_.row(i)[d];
                sum += difference * difference;
            }
            return sum;
        };
        for (auto row = static_cast<std::size_t>(tag); row < loaded_; row += 100)
            distances.push_back(distance(row));
        const std::size_t wanted = std::min(depth, distances.size());
        std::nth_element(distances.begin(), distances.begin() + static_cast<std::ptrdiff_t>(wanted - 1),
                         distances.end());
        const float limit = distances[wanted - 1] * 1.000001F;
        std::size_t hits = 0;
        for (const std::uint32_t id : ids_)
            hits += distance(id) <= limit ? 1 : 0;
        return static_cast<double>(std::min(hits, wanted)) / static_cast<double>(wanted);
    }

    Options options_;
    Json json_;
    Vectors base_, loaded_base_, queries_;
    std::size_t loaded_ = 0;
    Truth truth_;
    std::vector<Peer> peers_;
    std::vector<std::vector<CurvePoint>> curves_;
    std::vector<std::uint32_t> ids_;
    std::vector<std::int32_t> places_; ///< Where each query's ten rows by btree begin.
};

int run(int argc, char** argv) {
    CLI::App app("vann against pgvector's HNSW on one server");
    Options options;
    app.add_option("--base", options.base, "vectors to index (.fvecs, .bvecs, .npy, idx; also .gz)")
        ->required();
    app.add_option("--queries", options.queries, "vectors to ask for")->required();
    app.add_option("--truth", options.truth, "row numbers of the exact neighbours; computed if not given");
    app.add_option("--json", options.json, "where the figures go")->required();
    app.add_option("--rows", options.rows, "index only the first so many vectors");
    app.add_option("--query-count", options.query_count, "ask only for the first so many");
    app.add_option("--rounds", options.rounds, "times that each setting is measured; the best counts");
    app.add_flag("--pgvector", options.with_pgvector, "compare with database pgvector");
    app.add_flag("!--no-cold", options.with_cold, "leave out cold caches");
    app.add_flag("!--no-inserts", options.with_inserts, "leave out inserts");
    app.add_flag("!--no-filter", options.with_filter, "leave out the filter");
    app.add_flag("!--no-replacement", options.with_replacement,
                 "leave out the replacement of half of the rows");
    CLI11_PARSE(app, argc, argv);
    options.cache = options.json + ".truth";
    Bench(std::move(options)).run();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    return soup::bench::run_program("against_pgvector", run, argc, argv);
}
