// vtree against what PostgreSQL users have for points today, on one server, the same points, in turns: boxes
// of three sizes, a radius, neighbours, build, size, inserts; and vtree_count and vtree_grid against
// count(*). Of vtree alone: what the index takes of a small question, an index that grew row by row, and what
// the planner chooses against reading the table. Beside stands what an R-tree in this process's memory takes,
// to which the server's ways come on top: the limit.
//
// Every answer is compared between the peers: a figure of a wrong answer is none. Means over the questions,
// the best of the rounds. Who is very slow at a question is asked fewer of a kind, so that the rest of the
// run is not spent on that.
#include "tests/bench/points/in_memory.hpp"
#include "tests/bench/points/inserts.hpp"
#include "tests/bench/points/questions.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>

using namespace soup::bench;

namespace {

struct Options {
    std::string points, json;
    std::size_t rows = 1'000'000, questions = 100;
    int rounds = 3;
    double seconds = 2;
    bool with_inserts = true;
};

double now_us() {
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// Texts of a question for one peer, and whether its answer is a number of rows.
struct Question {
    std::string name, statement;
    bool count_rows;
    std::vector<std::string> parameters;
};

class Bench {
public:
    explicit Bench(Options options)
        : options_(std::move(options)), points_(read_points(options_.points, options_.rows)) {
        std::printf("%zu points of %zu dimensions\n", points_.rows, points_.dimensions);
        for (auto& peer : peers_for(static_cast<unsigned>(points_.dimensions))) {
            const bool is_there = std::all_of(peer.extensions.begin(), peer.extensions.end(),
                                              [&](auto& name) { return session_.has_extension(name); });
            if (is_there)
                peers_.push_back(std::move(peer));
            else
                std::printf("  %s is not on this server\n", peer.name.c_str());
        }
    }

    void run() {
        version_ = session_.value("SELECT split_part(current_setting('server_version'), ' ', 1)");
        load();
        for (auto& peer : peers_)
            build(peer);
        ask();
        measure_in_memory();
        measure_counts();
        measure_index_alone();
        measure_grown();
        measure_choice();
        if (options_.with_inserts) measure_inserts();
        write_json();
    }

private:
    void load() {
        session_.run("CREATE TABLE source (id int4, coordinates text)");
        std::size_t row = 0;
        session_.copy("COPY source FROM STDIN", [&](std::string& line) {
            if (row == points_.rows) return false;
            line = std::to_string(row) + "\t" + coordinates(row) + "\n";
            ++row;
            return true;
        });
    }

    std::string coordinates(std::size_t row) const {
        std::string text;
        for (std::size_t d = 0; d < points_.dimensions; ++d) {
            char one[32];
            std::snprintf(one, sizeof one, "%s%.17g", d > 0 ? "," : "",
                          static_cast<double>(points_.row(row)[d]));
            text += one;
        }
        return text;
    }

    void build(const PeerSql& peer) {
        for (const auto& extension : peer.extensions)
            session_.run("CREATE EXTENSION IF NOT EXISTS " + extension);
        session_.run("CREATE TABLE " + peer.table + " (id int4, " + peer.column + ")");
        session_.run("INSERT INTO " + peer.table + " SELECT id, " + peer.from_text +
                     " FROM source ORDER BY id");
        const double begin = now_us();
        session_.run("CREATE INDEX " + peer.table + "_p ON " + peer.table + " " + peer.index);
        figures_[peer.name]["build_s"] = (now_us() - begin) / 1e6;
        figures_[peer.name]["bytes_per_point"] =
            std::stod(session_.value("SELECT pg_relation_size('" + peer.table + "_p')")) /
            static_cast<double>(points_.rows);
        session_.run("VACUUM (FREEZE, ANALYZE) " + peer.table);
        std::printf("%-14s build %6.2f s, %5.1f bytes a point\n", peer.name.c_str(),
                    figures_[peer.name]["build_s"], figures_[peer.name]["bytes_per_point"]);
    }

    std::vector<Question> questions_for(const PeerSql& peer) const {
        std::vector<Question> all;
        const std::string from = " FROM " + peer.table + " WHERE ";
        for (const auto& [rows, boxes] : boxes_) {
            Question question{"box" + std::to_string(rows), "SELECT count(*)" + from + peer.box, false, {}};
            for (const auto& box : boxes)
                question.parameters.push_back(peer.box_text(box));
            all.push_back(std::move(question));
        }
        Question radius{"radius100", "SELECT count(*)" + from + peer.radius, false, {}};
        for (const auto& ball : balls_)
            radius.parameters.push_back(peer.ball_text(ball));
        all.push_back(std::move(radius));
        for (const int k : {10, 100}) {
            Question nearest{"nearest" + std::to_string(k),
                             "SELECT id FROM " + peer.table + " ORDER BY " + peer.nearest + " LIMIT " +
                                 std::to_string(k),
                             true,
                             {}};
            for (const auto& place : places_)
                nearest.parameters.push_back(peer.point_text(place));
            all.push_back(std::move(nearest));
        }
        return all;
    }

    void ask() {
        for (const std::size_t rows : {std::size_t{10}, std::size_t{1000}, std::size_t{100000}})
            if (rows <= points_.rows / 2)
                boxes_[rows] = boxes_of(points_, rows,
                                        rows > 10000 ? std::min<std::size_t>(options_.questions, 20)
                                                     : options_.questions);
        balls_ = balls_of(points_, std::min<std::size_t>(100, points_.rows), options_.questions);
        places_ = places_near(points_, options_.questions);

        session_.run("SET plan_cache_mode = force_generic_plan");
        session_.run("SET enable_seqscan = off");
        session_.run("SET max_parallel_workers_per_gather = 0");
        std::vector<std::vector<Question>> asked;
        for (const auto& peer : peers_) {
            asked.push_back(questions_for(peer));
            for (const auto& question : asked.back())
                session_.run("PREPARE " + peer.table + "_" + question.name + "(text) AS " +
                             question.statement);
        }
        for (int round = 0; round < options_.rounds; ++round)
            for (std::size_t q = 0; q < asked.front().size(); ++q)
                for (std::size_t p = 0; p < peers_.size(); ++p)
                    measure(p, asked[p][q]);
        print();
    }

    void measure(std::size_t p, const Question& question) {
        const PeerSql& peer = peers_[p];
        const std::string statement = peer.table + "_" + question.name;
        Question asked = question;
        asked.parameters.resize(affordable(statement, question));
        compare(question.name, peer.name, time(statement, asked, peer.name, question.name));
    }

    /// How many questions of a kind a peer has time for in a round, found by the first of them.
    std::size_t affordable(const std::string& statement, const Question& question) {
        const std::size_t all = question.parameters.size();
        const auto [found, is_new] = affordable_.try_emplace(statement, all);
        if (!is_new || all <= questions_least) return found->second;
        const std::span first(question.parameters.data(), questions_least);
        const double begin = now_us();
        session_.execute(statement, first, question.count_rows);
        const double each = (now_us() - begin) / static_cast<double>(questions_least);
        const double fit = options_.seconds * 1e6 / options_.rounds / each;
        found->second =
            fit < static_cast<double>(all) ? std::max(questions_least, static_cast<std::size_t>(fit)) : all;
        if (found->second < all)
            std::printf("%s: %zu questions instead of %zu, %.0f us each\n", statement.c_str(), found->second,
                        all, each);
        return found->second;
    }

    /// Asks once by a prepared statement and keeps the time if it is the best so far.
    std::vector<long> time(const std::string& statement, const Question& question, const std::string& peer,
                           const std::string& figure) {
        const double begin = now_us();
        std::vector<long> answers = session_.execute(statement, question.parameters, question.count_rows);
        const double each = (now_us() - begin) / static_cast<double>(question.parameters.size());
        auto& best = figures_[peer][figure + "_us"];
        best = best == 0 ? each : std::min(best, each);
        return answers;
    }

    /// Coordinates are rounded differently by the peers, so a border's point may differ; a part in a thousand
    /// may not.
    void compare(const std::string& question, const std::string& peer, const std::vector<long>& answers) {
        auto [known, is_first] = answers_.try_emplace(question, answers);
        if (is_first) return;
        const auto agree = [](long answer, long right) {
            return std::labs(answer - right) <= 2 + right / 1000;
        };
        const auto [answer, right] = std::ranges::mismatch(answers, known->second, agree);
        if (answer != answers.end())
            throw std::runtime_error(peer + ", " + question + ": " + std::to_string(*answer) +
                                     " rows, vtree " + std::to_string(*right));
    }

    void print() {
        std::printf("\nmicroseconds a question\n%-12s", "");
        for (const auto& peer : peers_)
            std::printf(" %22s", peer.name.c_str());
        std::printf("\n");
        for (const auto& [question, value] : figures_[peers_.front().name]) {
            if (question.size() < 3 || question.substr(question.size() - 3) != "_us") continue;
            std::printf("%-12s", question.substr(0, question.size() - 3).c_str());
            for (const auto& peer : peers_) {
                const double us = figures_[peer.name][question];
                std::printf(" %10.1f", us);
                if (&peer != &peers_.front())
                    std::printf(" (%7.2f x)", us / value);
                else
                    std::printf(" %11s", "");
            }
            std::printf("\n");
        }
    }

    void measure_in_memory() {
        const double begin = now_us();
        const std::unique_ptr<InMemory> tree = pack_in_memory(points_);
        if (!tree) {
            std::printf("\n%s is not compiled for %zu dimensions\n", in_memory, points_.dimensions);
            return;
        }
        figures_[in_memory]["build_s"] = (now_us() - begin) / 1e6;
        for (int round = 0; round < options_.rounds; ++round) {
            for (const auto& [rows, boxes] : boxes_)
                time_in_memory("box" + std::to_string(rows), boxes,
                               [&](auto& box) { return tree->count(box); });
            time_in_memory("radius100", balls_, [&](auto& ball) { return tree->count(ball); });
            for (const unsigned k : {10U, 100U})
                time_in_memory("nearest" + std::to_string(k), places_,
                               [&](auto& place) { return tree->nearest(place, k); });
        }
        std::printf("\nBoost.Geometry's R-tree in memory\n");
        for (const auto& [figure, value] : figures_[in_memory])
            std::printf("%-14s %10.1f\n", figure.c_str(), value);
    }

    template<class Asked, class Answer>
    void time_in_memory(const std::string& question, const std::vector<Asked>& asked, Answer&& answer) {
        std::vector<long> answers;
        answers.reserve(asked.size());
        const double begin = now_us();
        for (const auto& one : asked)
            answers.push_back(answer(one));
        const double each = (now_us() - begin) / static_cast<double>(asked.size());
        auto& best = figures_[in_memory][question + "_us"];
        best = best == 0 ? each : std::min(best, each);
        compare(question, in_memory, answers);
    }

    /// Counts straight from the pages against the same count by the executor's index-only scan.
    void measure_counts() {
        if (!boxes_.contains(100000)) return;
        const PeerSql& peer = peers_.front();
        session_.run("SET soupvec.planner = off");
        session_.run("PREPARE counted (text) AS SELECT vtree_count('" + peer.table + "_p', $1::vbox)");
        std::string cells = "{10";
        for (std::size_t d = 1; d < points_.dimensions; ++d)
            cells += d < 3 ? ",10" : ",1";
        session_.run("PREPARE gridded (text) AS SELECT sum(count) FROM vtree_grid('" + peer.table +
                     "_p', $1::vbox, '" + cells + "}')");
        session_.run("PREPARE executed (text) AS SELECT count(*) FROM " + peer.table + " WHERE " + peer.box);
        std::vector<std::string> boxes;
        for (const auto& box : boxes_[100000])
            boxes.push_back(peer.box_text(box));
        for (int round = 0; round < options_.rounds; ++round)
            for (const std::string statement : {"counted", "gridded", "executed"}) {
                const double begin = now_us();
                if (session_.execute(statement, boxes, false) != answers_["box100000"])
                    throw std::runtime_error(statement + " counts wrongly");
                const double each = (now_us() - begin) / static_cast<double>(boxes.size());
                auto& best = figures_[peer.name][statement + "100000_us"];
                best = best == 0 ? each : std::min(best, each);
            }
        session_.run("RESET soupvec.planner");
        const double counted = figures_[peer.name]["counted100000_us"],
                     gridded = figures_[peer.name]["gridded100000_us"],
                     executed = figures_[peer.name]["executed100000_us"];
        std::printf(
            "\n~100,000 rows: vtree_count %.1f us, vtree_grid %.1f us, count(*) by the executor %.1f us "
            "(%.1f x, %.1f x)\n",
            counted, gridded, executed, executed / counted, executed / gridded);
    }

    /// A box of ten rows less what the executor takes for ten rows of any index: those of an index-only scan
    /// of a B-tree. vtree's count comes by the executor, too.
    void measure_index_alone() {
        const PeerSql& vtree = peers_.front();
        session_.run("CREATE TABLE ten AS SELECT id FROM source ORDER BY id");
        session_.run("CREATE INDEX ON ten (id)");
        session_.run("VACUUM (FREEZE, ANALYZE) ten");
        session_.run(
            "PREPARE floor (text) AS SELECT count(*) FROM ten WHERE id BETWEEN $1::int4 AND $1::int4 + 9");
        Question floor{"floor10", "", false, {}};
        for (std::size_t i = 0; i < boxes_[10].size(); ++i)
            floor.parameters.push_back(std::to_string(i * 7919 % (points_.rows - 10)));
        session_.run("SET soupvec.planner = off");
        session_.run("PREPARE executed10 (text) AS SELECT count(*) FROM " + vtree.table + " WHERE " +
                     vtree.box);
        for (int round = 0; round < 2 * options_.rounds; ++round) {
            time("floor", floor, vtree.name, "floor10");
            for (const auto& peer : peers_) {
                const Question question = questions_for(peer).front();
                const bool is_vtree = &peer == &vtree;
                compare(
                    "box10", peer.name,
                    time(is_vtree ? "executed10" : peer.table + "_box10", question, peer.name, "executed10"));
            }
        }
        session_.run("RESET soupvec.planner");
        const double least = figures_[vtree.name]["floor10_us"];
        std::printf(
            "\na box of ~10 rows by the executor, and what is left of it without its floor of %.1f us\n",
            least);
        for (const auto& peer : peers_) {
            auto& figures = figures_[peer.name];
            figures["alone10_us"] = figures["executed10_us"] - least;
            std::printf("%-14s %6.1f us, alone %6.1f us\n", peer.name.c_str(), figures["executed10_us"],
                        figures["alone10_us"]);
        }
    }

    /// Asks vtree's questions of another table with the same points. `how_many`: of the questions of a kind.
    void ask_again(const std::string& table, const std::string& label, std::size_t how_many) {
        PeerSql peer = peers_.front();
        peer.table = table;
        std::vector<Question> questions = questions_for(peer);
        for (auto& question : questions) {
            session_.run("PREPARE " + label + "_" + question.name + "(text) AS " + question.statement);
            question.parameters.resize(std::min(question.parameters.size(), how_many));
        }
        for (int round = 0; round < options_.rounds; ++round)
            for (const auto& question : questions) {
                std::vector<long> right = answers_[question.name];
                right.resize(question.parameters.size());
                if (time(label + "_" + question.name, question, peer.name, label + "_" + question.name) !=
                    right)
                    throw std::runtime_error(label + ", " + question.name + ": another answer");
            }
    }

    /// The same index, but grown row by row instead of packed.
    void measure_grown() {
        const PeerSql& packed = peers_.front();
        session_.run("CREATE TABLE grown (id int4, " + packed.column + ")");
        session_.run("CREATE INDEX grown_p ON grown " + packed.index);
        session_.run("INSERT INTO grown SELECT id, p FROM " + packed.table + " ORDER BY id");
        session_.run("VACUUM (FREEZE, ANALYZE) grown");
        ask_again("grown", "grown", options_.questions);
        auto& figures = figures_[packed.name];
        figures["grown_bytes_per_point"] = std::stod(session_.value("SELECT pg_relation_size('grown_p')")) /
                                           static_cast<double>(points_.rows);
        std::printf("\nan index that grew by inserts, %.1f bytes a point\n",
                    figures["grown_bytes_per_point"]);
        print_beside("grown_", "packed");
    }

    /// What the planner chooses, for each question anew, against a table without an index.
    void measure_choice() {
        session_.run("CREATE TABLE unindexed AS SELECT * FROM " + peers_.front().table);
        session_.run("VACUUM (FREEZE, ANALYZE) unindexed");
        session_.run("RESET enable_seqscan");
        session_.run("SET plan_cache_mode = force_custom_plan");
        ask_again(peers_.front().table, "chosen", 10);
        ask_again("unindexed", "scanned", 10);
        measure_large_boxes();
        session_.run("SET plan_cache_mode = force_generic_plan");
        session_.run("SET enable_seqscan = off");
        std::printf("\nplanned anew each time, against reading the table\n");
        print_beside("scanned_", "chosen", "chosen_");
    }

    /// Boxes with so much of the table that reading all of it may be the better choice.
    void measure_large_boxes() {
        PeerSql chosen = peers_.front(), scanned = chosen;
        scanned.table = "unindexed";
        for (const std::size_t part : {10, 3, 2}) {
            Question question{"part" + std::to_string(part), "", false, {}};
            for (const Box& box : boxes_of(points_, points_.rows / part, 10))
                question.parameters.push_back(chosen.box_text(box));
            for (const auto& [label, peer] : {std::pair("chosen", &chosen), std::pair("scanned", &scanned)})
                session_.run("PREPARE " + std::string(label) + "_" + question.name +
                             "(text) AS SELECT count(*) FROM " + peer->table + " WHERE " + peer->box);
            std::vector<long> answers[2];
            for (int round = 0; round < options_.rounds; ++round)
                for (const std::string label : {"chosen", "scanned"})
                    answers[label == "chosen" ? 0 : 1] =
                        time(label + "_" + question.name, question, chosen.name, label + "_" + question.name);
            if (answers[0] != answers[1]) throw std::runtime_error(question.name + ": another answer");
            auto& figures = figures_[chosen.name];
            std::printf("a box of 1/%zu of the rows: %.1f us, by reading the table %.1f us\n", part,
                        figures["chosen_" + question.name + "_us"],
                        figures["scanned_" + question.name + "_us"]);
        }
    }

    void print_beside(const std::string& prefix, const char* of_what, const std::string& other = "") {
        auto& figures = figures_[peers_.front().name];
        for (const auto& question : questions_for(peers_.front())) {
            const double one = figures[prefix + question.name + "_us"],
                         two = figures[other + question.name + "_us"];
            std::printf("%-12s %10.1f us (%s %10.1f us, %.2f x)\n", question.name.c_str(), one, of_what, two,
                        one / two);
        }
    }

    void measure_inserts() {
        std::printf("\nrows a second\n");
        for (const auto& peer : peers_) {
            const InsertRates rates =
                insert_rates(session_, peer, points_.rows, [&](std::size_t row) { return coordinates(row); });
            auto& figures = figures_[peer.name];
            figures["insert_single_bare_per_s"] = rates.single_bare;
            figures["insert_single_per_s"] = rates.single;
            figures["insert_batch_bare_per_s"] = rates.batch_bare;
            figures["insert_batch_per_s"] = rates.batch;
            std::printf("%-14s one a commit %6.0f (bare %6.0f), a thousand %8.0f (bare %8.0f)\n",
                        peer.name.c_str(), rates.single, rates.single_bare, rates.batch, rates.batch_bare);
        }
    }

    void write_json() const {
        std::ofstream file(options_.json);
        if (!file) throw std::runtime_error("cannot write " + options_.json);
        file << "{\"points\": " << points_.rows << ", \"dimensions\": " << points_.dimensions
             << ", \"postgresql\": \"" << version_ << "\"";
        for (const auto& [peer, figures] : figures_) {
            file << ",\n \"" << peer << "\": {";
            const char* separator = "";
            for (const auto& [name, value] : figures) {
                file << separator << "\"" << name << "\": " << value;
                separator = ", ";
            }
            file << "}";
        }
        file << "}\n";
    }

    static constexpr std::size_t questions_least = 3;
    static constexpr const char* in_memory = "Boost.Geometry in memory";

    Options options_;
    Vectors points_;
    Session session_;
    std::string version_; ///< The server's.
    std::vector<PeerSql> peers_;
    std::map<std::size_t, std::vector<Box>> boxes_;
    std::vector<Ball> balls_;
    std::vector<std::vector<float>> places_;
    std::map<std::string, std::vector<long>> answers_;
    std::map<std::string, std::size_t> affordable_;
    std::map<std::string, std::map<std::string, double>> figures_;
};

int run(int argc, char** argv) {
    CLI::App app("vtree against GiST, SP-GiST and PostGIS on one server");
    Options options;
    app.add_option("--points", options.points, "points (.npy, .fvecs, or text of 2 to 16 columns)")
        ->required();
    app.add_option("--json", options.json, "where the figures go")->required();
    app.add_option("--rows", options.rows, "use only the first so many points");
    app.add_option("--questions", options.questions, "of each kind");
    app.add_option("--rounds", options.rounds, "times that each is asked; the best counts");
    app.add_option("--seconds", options.seconds, "for all rounds of a kind of question, of one peer");
    app.add_flag("!--no-inserts", options.with_inserts, "leave out inserts");
    CLI11_PARSE(app, argc, argv);
    Bench(std::move(options)).run();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "against_gist: %s\n", error.what());
        return 1;
    }
}
