// Batch append over HTTP against COPY of the same bytes into a plain, unindexed bytea table: 1,000 records of
// 200 bytes a request as a columns body (extension/rawlog/FORMAT.md), once lines of a recording, once noise.
// Two ways:
//
// - one:   one connection; each request, committed when answered, in turn with a COPY of the same 1,000 rows
// - eight: eight connections at once, for some seconds, in turn with one COPY of as many rows in one
// transaction
//
// Both sides' bytes are ready before the clock runs. The eight's figures are those of the round with the
// median ratio, beside the range of all rounds. At the end the log must hold what was acknowledged.
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
#include <thread>

namespace {

using namespace bench;
using Clock = std::chrono::steady_clock;

constexpr int clients = 8, rounds_of_eight = 5;
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

struct Speed {
    double append, copy;           ///< Records a second.
    double ratio, least, greatest; ///< Of the rounds; all the same where one figure is made of all rounds.
    std::size_t appends;
};

Speed one_by_one(const Target& target, Connection& connection, double seconds,
                 std::span<const std::string> requests, std::span<const std::string> rows) {
    HttpClient http(target.port, target.token);
    double append_s = 0, copy_s = 0;
    std::size_t rounds = 0;
    for (const auto start = Clock::now(); since_s(start) < seconds; ++rounds) {
        auto begin = Clock::now();
        http.must(requests[rounds % batches_kept]);
        append_s += since_s(begin);
        begin = Clock::now();
        connection.copy(copy, std::vector<std::string_view>{rows[rounds % batches_kept]});
        copy_s += since_s(begin);
    }
    const auto count = static_cast<double>(rounds * batch_records);
    const double ratio = copy_s / append_s;
    return {count / append_s, count / copy_s, ratio, ratio, ratio, rounds};
}

Speed eight_at_once(const Target& target, Connection& connection, double seconds,
                    std::span<const std::string> requests, std::span<const std::string> rows) {
    std::vector<Speed> speeds;
    std::size_t appends = 0;
    for (int round = 0; round < rounds_of_eight; ++round) {
        std::atomic<std::size_t> next = 0;
        const auto start = Clock::now();
        {
            std::vector<std::jthread> threads;
            threads.reserve(clients);
            for (int i = 0; i < clients; ++i)
                threads.emplace_back([&] {
                    HttpClient http(target.port, target.token);
                    while (since_s(start) < seconds / rounds_of_eight)
                        http.must(requests[next++ % batches_kept]);
                });
        }
        const double append_s = since_s(start);
        std::vector<std::string_view> pieces;
        pieces.reserve(next);
        for (std::size_t i = 0; i < next; ++i)
            pieces.push_back(rows[i % batches_kept]);
        const auto begin = Clock::now();
        connection.copy(copy, pieces);
        const double copy_s = since_s(begin), count = static_cast<double>(next * batch_records);
        speeds.push_back({count / append_s, count / copy_s, copy_s / append_s, 0, 0, 0});
        appends += next;
    }
    std::ranges::sort(speeds, {}, &Speed::ratio);
    Speed median = speeds[speeds.size() / 2];
    median.least = speeds.front().ratio;
    median.greatest = speeds.back().ratio;
    median.appends = appends;
    return median;
}

/// Returns how many appends were acknowledged.
std::size_t measure(const char* name, const Records& records, const Target& target, Connection& connection,
                    double seconds, const char* end) {
    const HttpClient http(target.port, target.token);
    std::vector<std::string> requests, rows;
    for (std::size_t i = 0; i < batches_kept; ++i) {
        requests.push_back(http.post("/v1/append?model=batch", "application/vnd.soup.columns",
                                     columns_body(records.batch(i))));
        rows.push_back(copy_rows(records.batch(i)));
    }
    connection.run("TRUNCATE plain");
    connection.run("CHECKPOINT");
    const Speed warm_up = one_by_one(target, connection, seconds / 10, requests, rows);
    const Speed one = one_by_one(target, connection, seconds, requests, rows);
    const Speed eight = eight_at_once(target, connection, seconds, requests, rows);
    const auto print = [](const char* way, const Speed& speed, const char* behind) {
        std::printf(
            "  \"%s\": {\"append_records_per_s\": %.0f, \"copy_records_per_s\": %.0f, \"ratio\": %.2f, "
            "\"ratios\": [%.2f, %.2f]}%s",
            way, speed.append, speed.copy, speed.ratio, speed.least, speed.greatest, behind);
    };
    std::printf(" \"%s\": {\n", name);
    print("one", one, ",\n");
    print("eight", eight, "");
    std::printf("}%s\n", end);
    return warm_up.appends + one.appends + eight.appends;
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
    std::size_t appends = measure("recording", Records::of_file(argv[4]), target, connection, seconds, ",");
    appends += measure("incompressible", Records::of_noise(random), target, connection, seconds, "");
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
