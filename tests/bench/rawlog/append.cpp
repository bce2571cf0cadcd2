// What an append costs, each figure beside what a user would otherwise do, alternating in one run:
//
// - single: one record of 100 bytes, one connection; p50 of append and of INSERT into an unindexed bytea
//   table.
// - joined: append_many with 30 elements of one record; elements a second, CPU of the backend per element.
// - batch: 1,000 records of 200 bytes in one append, against COPY of the same bytes, 1,000 rows a
//   transaction; and eight such appends joined in a call, against one long COPY. Once a recording's text, cut
//   every 200 bytes wherever its lines end, once random bytes.
//
// Usage: append SECONDS TOKEN RECORDING, in a database as bench_soup makes it. Prints one JSON object.
#include "tests/bench/connection.hpp"
#include "tests/bench/records.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace {

using namespace bench;
using Clock = std::chrono::steady_clock;

constexpr std::size_t single_record_bytes = 100;
constexpr int joined_elements = 30;

double since_us(Clock::time_point start) {
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

double median(std::vector<double>& values) {
    std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
    return values[values.size() / 2];
}

void prepare_database(Connection& connection) {
    connection.run("SELECT soup.add_model('bench', 'single'), soup.add_model('bench', 'joined'), "
                   "soup.add_model('bench', 'batch')");
    connection.run("CREATE TABLE plain (record bytea)");
    connection.run("ALTER TABLE plain ALTER record SET STORAGE external");
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

constexpr const char* copy = "COPY plain FROM STDIN (FORMAT binary)";

struct Batch {
    double append, joined, copy, copy_long; ///< Records a second.
};

Batch measure_batch(Connection& connection, const std::string& token, double seconds,
                    const Records& records) {
    std::vector<std::string> rows;
    rows.reserve(batches_kept);
    for (std::size_t i = 0; i < batches_kept; ++i)
        rows.push_back(copy_rows(records.batch(i)));
    double append_us = 0, copy_us = 0;
    std::size_t rounds = 0;
    for (const auto start = Clock::now(); since_us(start) < seconds * 1e6; ++rounds) {
        const std::vector<Parameter> parameters{token, bytea_array(records.batch(rounds))};
        auto begin = Clock::now();
        connection.execute("batch", parameters);
        append_us += since_us(begin);
        begin = Clock::now();
        connection.copy(copy, std::vector<std::string_view>{rows[rounds % batches_kept]});
        copy_us += since_us(begin);
    }
    // As the gateway sends them when requests wait for a commit: all kept batches in one call.
    const std::vector<std::optional<std::string>> tokens(batches_kept, token), models(batches_kept, "batch");
    const std::vector<std::int32_t> counts(batches_kept, batch_records);
    const std::vector<Parameter> joined{text_array(tokens), text_array(models), Parameter{},
                                        int4_array(counts), bytea_array(records.all())};
    std::size_t joined_records = 0;
    const auto joined_begin = Clock::now();
    for (; since_us(joined_begin) < seconds * 0.5e6; joined_records += records.all().size())
        connection.execute("join", joined);
    const double joined_us = since_us(joined_begin);
    std::vector<std::string_view> all;
    for (std::size_t round = 0; round < std::min<std::size_t>(rounds, 100); ++round)
        all.push_back(rows[round % batches_kept]);
    const auto long_begin = Clock::now();
    connection.copy(copy, all);
    const double copy_long_us = since_us(long_begin);
    const double count = static_cast<double>(rounds * batch_records);
    return {count / append_us * 1e6, static_cast<double>(joined_records) / joined_us * 1e6,
            count / copy_us * 1e6, static_cast<double>(all.size() * batch_records) / copy_long_us * 1e6};
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
    if (argc != 4) {
        std::fprintf(stderr, "usage: append SECONDS TOKEN RECORDING\n");
        return 2;
    }
    const double seconds = std::stod(argv[1]);
    const std::string token = argv[2];
    std::mt19937_64 random(7);
    Connection connection;
    prepare_database(connection);
    connection.prepare("join",
                       "SELECT soup_api.append_many($1::text[], $2::text[], NULL, NULL, NULL, $3::text[], "
                       "$4::int[], $5::bytea[], NULL)");
    connection.prepare("batch", "SELECT soup_api.append($1::text, 'batch', $2::bytea[])");
    const Single single = measure_single(connection, token, seconds, random);
    const Joined joined = measure_joined(connection, token, seconds, false, random);
    const Joined keyed = measure_joined(connection, token, seconds, true, random);
    const Batch compressible = measure_batch(connection, token, seconds, Records::of_file(argv[3]));
    const Batch incompressible = measure_batch(connection, token, seconds, Records::of_noise(random));
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
