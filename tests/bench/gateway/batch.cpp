// Batch append over HTTP against COPY of the same bytes into a plain, unindexed bytea table: 1,000 records of
// 200 bytes a request as a columns body (extension/rawlog/FORMAT.md), once a recording's text, cut every 200
// bytes wherever its lines end, once noise.
// Two ways:
//
// - one:   one connection; each request, committed when answered, in turn with a COPY of the same 1,000 rows
// - eight: eight connections at once, as many requests as were counted out before; the same rows by one
//          long COPY in one transaction, and by eight COPYs at once, an eighth of them each
//
// First, unmeasured, as much is appended as fills the server's buffers three times.
// All bytes are ready before the clock runs, and all sides commit with the server's own fsync. Before each of
// eight's measurements the plain table is emptied and a checkpoint is made, so that none writes what another
// has left in the buffers, and memory is used that the measurement's files will take; rounds begin with
// append and with COPY in turn. Eight's figures are those of the round with the median ratio, beside the
// range of all rounds. At the end the log must hold what was acknowledged, and the table what was copied.
//
// Usage: batch PORT TOKEN SECONDS RECORDING. Prints one JSON object.
#include "tests/bench/connection.hpp"
#include "tests/bench/http_client.hpp"
#include "tests/bench/records.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>

namespace {

using namespace bench;
using Clock = std::chrono::steady_clock;

constexpr int clients = 8, rounds_of_eight = 7;
constexpr const char* copy = "COPY plain FROM STDIN (FORMAT binary)";

double since_s(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

template<class Number>
void put(std::string& out, Number value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out.append(bytes, sizeof value);
}

/// The columns body with one column `record` of type bytes.
std::string columns_body(std::span<const std::string> records) {
    constexpr std::uint8_t bytes_type = 8;
    constexpr std::string_view name = "record";
    std::string body("SCOL\1\0", 6);
    put(body, std::uint16_t{1});
    put(body, static_cast<std::uint32_t>(records.size()));
    put(body, bytes_type);
    put(body, static_cast<std::uint8_t>(name.size()));
    body.append(name);
    body.resize((body.size() + 7) / 8 * 8);
    for (const std::string& record : records)
        put(body, static_cast<std::uint32_t>(record.size()));
    for (const std::string& record : records)
        body.append(record);
    return body;
}

struct Target {
    int port;
    std::string token;
};

/// One content, ready to be sent.
struct Load {
    std::vector<std::string> requests, rows; ///< A batch each.
};

struct Speeds {
    double append, copy; ///< Records a second.
    std::size_t appends;
};

Speeds one_by_one(const Target& target, Connection& connection, double seconds, const Load& load) {
    HttpClient http(target.port, target.token);
    double append_s = 0, copy_s = 0;
    std::size_t rounds = 0;
    for (const auto start = Clock::now(); since_s(start) < seconds; ++rounds) {
        auto begin = Clock::now();
        http.must(load.requests[rounds % batches_kept]);
        append_s += since_s(begin);
        begin = Clock::now();
        connection.copy(copy, std::vector<std::string_view>{load.rows[rounds % batches_kept]});
        copy_s += since_s(begin);
    }
    const auto count = static_cast<double>(rounds * batch_records);
    return {count / append_s, count / copy_s, rounds};
}

/// Also uses as much memory as `batches` write to files, and gives it back. A virtual machine pays several
/// times as much for the first use of a page as for later ones, and without this only the log would: the
/// plain table's pages have just been freed.
void clean(Connection& connection, std::size_t batches) {
    connection.run("TRUNCATE plain");
    connection.run("CHECKPOINT");
    constexpr std::size_t written_per_byte = 3; // log, table, and what pages add
    std::vector<char> used(batches * batch_records * batch_record_bytes * written_per_byte, '\1');
    // The compiler may not leave it out.
    asm volatile("" : : "r"(used.data()) : "memory");
}

/// Runs work(i) in a thread for each i and returns the seconds until the last one ended.
template<class Work>
double timed_threads(int threads, Work work) {
    const auto start = Clock::now();
    {
        std::vector<std::jthread> running;
        running.reserve(static_cast<std::size_t>(threads));
        for (int i = 0; i < threads; ++i)
            running.emplace_back([&work, i] { work(i); });
    }
    return since_s(start);
}

double append_by_eight(const Target& target, Connection& connection, std::size_t batches, const Load& load) {
    std::vector<std::unique_ptr<HttpClient>> https;
    https.reserve(static_cast<std::size_t>(clients));
    for (int i = 0; i < clients; ++i)
        https.push_back(std::make_unique<HttpClient>(target.port, target.token));
    clean(connection, batches);
    std::atomic<std::size_t> next = 0;
    return timed_threads(clients, [&](int i) {
        for (std::size_t batch = next++; batch < batches; batch = next++)
            https[static_cast<std::size_t>(i)]->must(load.requests[batch % batches_kept]);
    });
}

double copy_by(int connections, Connection& connection, std::size_t batches, const Load& load) {
    std::vector<std::unique_ptr<Connection>> copying;
    copying.reserve(static_cast<std::size_t>(connections));
    std::vector<std::vector<std::string_view>> pieces(static_cast<std::size_t>(connections));
    for (int i = 0; i < connections; ++i)
        copying.push_back(std::make_unique<Connection>());
    for (std::size_t batch = 0; batch < batches; ++batch)
        pieces[batch % pieces.size()].push_back(load.rows[batch % batches_kept]);
    clean(connection, batches);
    const double copy_s = timed_threads(connections, [&](int i) {
        const auto at = static_cast<std::size_t>(i);
        copying[at]->copy(copy, pieces[at]);
    });
    if (connection.value("SELECT count(*) FROM plain") != std::to_string(batches * batch_records)) {
        std::fputs("rows were copied and are not there\n", stderr);
        std::exit(1);
    }
    return copy_s;
}

struct Round {
    double append_s, copy_s, copy_eight_s;
    double ratio() const { return copy_s / append_s; }
    double ratio_to_eight() const { return copy_eight_s / append_s; }
};

std::vector<Round> eight_at_once(const Target& target, Connection& connection, std::size_t batches,
                                 const Load& load) {
    std::vector<Round> rounds(rounds_of_eight);
    for (std::size_t i = 0; i < rounds.size(); ++i) {
        Round& round = rounds[i];
        if (i % 2 == 0) round.append_s = append_by_eight(target, connection, batches, load);
        round.copy_s = copy_by(1, connection, batches, load);
        round.copy_eight_s = copy_by(clients, connection, batches, load);
        if (i % 2 == 1) round.append_s = append_by_eight(target, connection, batches, load);
    }
    std::ranges::sort(rounds, {}, &Round::ratio);
    return rounds;
}

void print_eight(const std::vector<Round>& rounds, std::size_t batches) {
    const auto records = static_cast<double>(batches * batch_records);
    std::vector<double> to_eight;
    to_eight.reserve(rounds.size());
    for (const Round& round : rounds)
        to_eight.push_back(round.ratio_to_eight());
    std::ranges::sort(to_eight);
    const Round& median = rounds[rounds.size() / 2];
    std::printf("  \"eight\": {\"append_records_per_s\": %.0f, \"copy_records_per_s\": %.0f, "
                "\"copy_by_eight_records_per_s\": %.0f, \"ratio\": %.2f, \"ratios\": [%.2f, %.2f], "
                "\"ratio_to_copy_by_eight\": %.2f, \"ratios_to_copy_by_eight\": [%.2f, %.2f]}",
                records / median.append_s, records / median.copy_s, records / median.copy_eight_s,
                median.ratio(), rounds.front().ratio(), rounds.back().ratio(), to_eight[to_eight.size() / 2],
                to_eight.front(), to_eight.back());
}

Load load_of(const Records& records, const Target& target) {
    const HttpClient http(target.port, target.token);
    Load load;
    for (std::size_t i = 0; i < batches_kept; ++i) {
        load.requests.push_back(http.post("/v1/append?model=batch", "application/vnd.soup.columns",
                                          columns_body(records.batch(i))));
        load.rows.push_back(copy_rows(records.batch(i)));
    }
    return load;
}

/// Appends until either of the gateway's two backends has used nearly all of the server's buffers: the first
/// use of one costs a page fault, which a backend pays once in its life. COPY goes round in 16 MB of them.
/// Returns how many appends there were.
std::size_t use_buffers(const Target& target, Connection& connection, const Load& load) {
    const std::string bytes = connection.value("SELECT pg_size_bytes(current_setting('shared_buffers')) * 3");
    const std::size_t batches = std::stoull(bytes) / (batch_records * batch_record_bytes);
    append_by_eight(target, connection, batches, load);
    return batches;
}

/// Returns how many appends were acknowledged.
std::size_t measure(const char* name, const Load& load, const Target& target, Connection& connection,
                    double seconds, const char* end) {
    clean(connection, 0);
    const Speeds warm_up = one_by_one(target, connection, seconds / 10, load);
    const Speeds one = one_by_one(target, connection, seconds, load);
    // About twice one's speed is to be expected of eight.
    const std::size_t batches =
        clients + static_cast<std::size_t>(2 * one.append / batch_records * seconds / rounds_of_eight);
    const std::vector<Round> eight = eight_at_once(target, connection, batches, load);
    std::printf(" \"%s\": {\n", name);
    std::printf(
        "  \"one\": {\"append_records_per_s\": %.0f, \"copy_records_per_s\": %.0f, \"ratio\": %.2f},\n",
        one.append, one.copy, one.append / one.copy);
    print_eight(eight, batches);
    std::printf("}%s\n", end);
    return warm_up.appends + one.appends + eight.size() * batches;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fputs("usage: batch PORT TOKEN SECONDS RECORDING\n", stderr);
        return 2;
    }
    const Target target{std::stoi(argv[1]), argv[2]};
    const double seconds = std::stod(argv[3]);
    std::mt19937_64 random(7);
    Connection connection;
    connection.run("SELECT soup.add_model('bench', 'batch')");
    connection.run("CREATE TABLE plain (record bytea)");
    std::printf("{\n");
    const Load recording = load_of(Records::of_file(argv[4]), target),
               noise = load_of(Records::of_noise(random), target);
    std::size_t appends = use_buffers(target, connection, noise);
    appends += measure("recording", recording, target, connection, seconds, ",");
    appends += measure("incompressible", noise, target, connection, seconds, "");
    std::printf("}\n");
    const std::string stored = connection.value("SELECT sum(b.record_count) FROM soup.raw_batch b JOIN "
                                                "soup.model m USING (org, model) WHERE m.name = 'batch'");
    if (stored != std::to_string(appends * batch_records)) {
        std::fprintf(stderr, "%zu records acknowledged, %s stored\n", appends * batch_records,
                     stored.c_str());
        return 1;
    }
    return 0;
}
