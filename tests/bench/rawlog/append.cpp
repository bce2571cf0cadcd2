// What an append costs, each figure beside what a user would otherwise do, alternating in one run:
//
// - single: one record of 100 bytes, one connection; p50 of append and of INSERT into an unindexed bytea
//   table.
// - joined: append_many with 30 elements of one record; elements a second, CPU of the backend per element.
// - batch: 1,000 records of 200 bytes in one append, against COPY of the same bytes, 1,000 rows a
//   transaction; and eight such appends joined in a call, against one long COPY. Once compressible (lines of
//   a recording, or invented sensor readings), once random bytes.
//
// Usage: append SECONDS [RECORDS]. Prints one JSON object.
#include "tests/bench/rawlog/connection.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>

namespace {

using namespace bench;
using Clock = std::chrono::steady_clock;

constexpr std::size_t batch_records = 1000, batch_record_bytes = 200, single_record_bytes = 100;
constexpr int joined_elements = 30;
/// Batches of different content, so that no figure comes from a cached page.
constexpr std::size_t batches_kept = 8;

double since_us(Clock::time_point start) {
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

double median(std::vector<double>& values) {
    std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
    return values[values.size() / 2];
}

void prepare_database(Connection& connection) {
    connection.run(
        "SELECT soup.add_org('bench'), soup.add_principal('bench', 'bench', 'producer', 'long enough')");
    connection.run("SELECT soup.add_model('bench', 'single'), soup.add_model('bench', 'joined'), "
                   "soup.add_model('bench', 'batch')");
    connection.run("SELECT soup.grant_right('bench', 'bench', NULL, '*', 'append')");
    connection.run("CREATE TABLE plain (record bytea)");
    connection.run("ALTER TABLE plain ALTER record SET STORAGE external");
}

std::string random_bytes(std::mt19937_64& random, std::size_t bytes) {
    std::string out(bytes, '\0');
    for (char& byte : out)
        byte = static_cast<char>(random());
    return out;
}

/// Lines of a file packed into records of 200 bytes; without a file, sensor readings made up.
std::vector<std::string> compressible_records(const char* path, std::mt19937_64& random, std::size_t count) {
    std::string text;
    if (path != nullptr) {
        std::ifstream file(path, std::ios::binary);
        text.assign(std::istreambuf_iterator<char>(file), {});
        if (text.size() < batch_record_bytes) {
            std::fprintf(stderr, "%s is too short\n", path);
            std::exit(1);
        }
    }
    double value = 70;
    while (path == nullptr && text.size() < count * batch_record_bytes) {
        char line[64];
        value += std::normal_distribution(0.0, 0.3)(random);
        text.append(line,
                    static_cast<std::size_t>(std::snprintf(line, sizeof line, "2013-12-02 21:%02zu:00,%.9f\n",
                                                           text.size() / 40 % 60, value)));
    }
    std::vector<std::string> records;
    for (std::size_t at = 0; records.size() < count; at += batch_record_bytes) {
        if (at + batch_record_bytes > text.size()) at = 0;
        records.push_back(text.substr(at, batch_record_bytes));
    }
    return records;
}

struct Single {
    double append_us, insert_us;
};

Single measure_single(Connection& connection, const std::string& token, double seconds,
                      std::mt19937_64& random) {
    connection.prepare("append", "SELECT soup_api.append($1::text, 'single', $2::bytea[])");
    connection.prepare("insert", "INSERT INTO plain VALUES ($1::bytea)");
    std::vector<double> append_us, insert_us;
    for (const auto start = Clock::now(); since_us(start) < seconds * 1e6;) {
        const std::vector<std::string> record{random_bytes(random, single_record_bytes)};
        const std::vector<Parameter> append{token, bytea_array(record)}, insert{record.front()};
        auto begin = Clock::now();
        connection.execute("append", append);
        append_us.push_back(since_us(begin));
        begin = Clock::now();
        connection.execute("insert", insert);
        insert_us.push_back(since_us(begin));
    }
    return {median(append_us), median(insert_us)};
}

struct Joined {
    double elements_per_second, cpu_us_per_element;
};

Joined measure_joined(Connection& connection, const std::string& token, double seconds, bool has_keys,
                      std::mt19937_64& random) {
    const std::vector<std::optional<std::string>> tokens(joined_elements, token),
        models(joined_elements, "joined");
    const std::vector<std::int32_t> counts(joined_elements, 1);
    double cpu_us = -connection.backend_cpu_us();
    std::size_t elements = 0;
    const auto start = Clock::now();
    while (since_us(start) < seconds * 1e6) {
        std::vector<std::string> records;
        std::vector<std::optional<std::string>> keys;
        for (int i = 0; i < joined_elements; ++i) {
            records.push_back(random_bytes(random, single_record_bytes));
            if (has_keys) keys.emplace_back(std::to_string(random()));
        }
        const std::vector<Parameter> parameters{text_array(tokens), text_array(models),
                                                has_keys ? text_array(keys) : Parameter{}, int4_array(counts),
                                                bytea_array(records)};
        connection.execute("join", parameters);
        elements += joined_elements;
    }
    const double wall_us = since_us(start);
    cpu_us += connection.backend_cpu_us();
    return {static_cast<double>(elements) / wall_us * 1e6, cpu_us / static_cast<double>(elements)};
}

struct Batch {
    double append, joined, copy, copy_long; ///< Records a second.
};

Batch measure_batch(Connection& connection, const std::string& token, double seconds,
                    const std::vector<std::string>& records) {
    double append_us = 0, copy_us = 0;
    std::size_t rounds = 0;
    const auto batch = [&](std::size_t round) {
        return std::span(records).subspan(round % batches_kept * batch_records, batch_records);
    };
    for (const auto start = Clock::now(); since_us(start) < seconds * 1e6; ++rounds) {
        const std::vector<Parameter> parameters{token, bytea_array(batch(rounds))};
        auto begin = Clock::now();
        connection.execute("batch", parameters);
        append_us += since_us(begin);
        begin = Clock::now();
        connection.copy("COPY plain FROM STDIN (FORMAT binary)", batch(rounds));
        copy_us += since_us(begin);
    }
    // As the gateway sends them when requests wait for a commit: all kept batches in one call.
    const std::vector<std::optional<std::string>> tokens(batches_kept, token), models(batches_kept, "batch");
    const std::vector<std::int32_t> counts(batches_kept, batch_records);
    const std::vector<Parameter> joined{text_array(tokens), text_array(models), Parameter{},
                                        int4_array(counts), bytea_array(records)};
    std::size_t joined_records = 0;
    const auto joined_begin = Clock::now();
    for (; since_us(joined_begin) < seconds * 0.5e6; joined_records += records.size())
        connection.execute("join", joined);
    const double joined_us = since_us(joined_begin);
    std::vector<std::string> all;
    for (std::size_t round = 0; round < std::min<std::size_t>(rounds, 100); ++round)
        all.insert(all.end(), batch(round).begin(), batch(round).end());
    const auto long_begin = Clock::now();
    connection.copy("COPY plain FROM STDIN (FORMAT binary)", all);
    const double copy_long_us = since_us(long_begin);
    const double count = static_cast<double>(rounds * batch_records);
    return {count / append_us * 1e6, static_cast<double>(joined_records) / joined_us * 1e6,
            count / copy_us * 1e6, static_cast<double>(all.size()) / copy_long_us * 1e6};
}

void print_batch(const char* name, const Batch& batch, const char* end) {
    std::printf("  \"%s\": {\"append_records_per_s\": %.0f, \"copy_records_per_s\": %.0f, \"ratio\": %.2f, "
                "\"joined_append_records_per_s\": %.0f, \"long_copy_records_per_s\": %.0f, \"joined_ratio\": "
                "%.2f}%s\n",
                name, batch.append, batch.copy, batch.append / batch.copy, batch.joined, batch.copy_long,
                batch.joined / batch.copy_long, end);
}

} // namespace

int main(int argc, char** argv) {
    const double seconds = argc > 1 ? std::atof(argv[1]) : 3;
    std::mt19937_64 random(7);
    Connection connection;
    prepare_database(connection);
    const std::string token = connection.value("SELECT token FROM soup_api.login('bench', 'long enough')");
    connection.prepare("join",
                       "SELECT soup_api.append_many($1::text[], $2::text[], NULL, NULL, NULL, $3::text[], "
                       "$4::int[], $5::bytea[], NULL)");
    connection.prepare("batch", "SELECT soup_api.append($1::text, 'batch', $2::bytea[])");
    const std::vector<std::string> lines =
        compressible_records(argc > 2 ? argv[2] : nullptr, random, batches_kept * batch_records);
    std::vector<std::string> noise;
    for (std::size_t i = 0; i < batches_kept * batch_records; ++i)
        noise.push_back(random_bytes(random, batch_record_bytes));

    const Single single = measure_single(connection, token, seconds, random);
    const Joined joined = measure_joined(connection, token, seconds, false, random);
    const Joined keyed = measure_joined(connection, token, seconds, true, random);
    const Batch compressible = measure_batch(connection, token, seconds, lines);
    const Batch incompressible = measure_batch(connection, token, seconds, noise);
    std::printf("{\n  \"single\": {\"append_p50_us\": %.1f, \"insert_p50_us\": %.1f, \"ratio\": %.2f},\n",
                single.append_us, single.insert_us, single.append_us / single.insert_us);
    std::printf("  \"joined\": {\"elements_per_s\": %.0f, \"backend_cpu_us_per_element\": %.2f},\n",
                joined.elements_per_second, joined.cpu_us_per_element);
    std::printf("  \"joined_with_key\": {\"elements_per_s\": %.0f, \"backend_cpu_us_per_element\": %.2f},\n",
                keyed.elements_per_second, keyed.cpu_us_per_element);
    print_batch("batch_compressible", compressible, ",");
    print_batch("batch_incompressible", incompressible, "");
    std::printf("}\n");
}
