// The processors' figures:
//
//   sustained   window_convolution (window 96, stride 16, 840 features, 32 dimensions) over one channel:
//   values a
//               second of one worker from a full log to committed points, by the clock and by the worker's
//               CPU
//   delay       at half of that rate: from the append's acknowledgement until the last point of the batch is
//               found by its key, seen from another connection
//   quiet delay the same for single appends with pauses, a worker lingering
//   idle        CPU of launcher and processors while many versions have nothing to do, as part of one core
//
// Usage: processing SECONDS VALUES VERSIONS. Prints one JSON object.
#include "tests/bench/processing/cluster.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

using namespace bench;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr int window = 96, stride = 16, first_windows = 500;
constexpr std::int64_t fit_values = window + (first_windows - 1) * stride;
constexpr std::int64_t batch_values = 1000;
constexpr const char* manifest =
    R"({"runtime": "builtin", "entry": "window_convolution",
        "input": {"content_type": "application/json", "channels": ["value"]},
        "parameters": {"window": 96, "stride": 16, "features": 840, "fit": {"first_windows": 500}},
        "output": {"vector": 32, "attributes": {"score": "real"}}})";

double since(Clock::time_point start) {
    return Seconds(Clock::now() - start).count();
}

double quantile(std::vector<double> values, double q) {
    std::ranges::sort(values);
    return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

/// A slowly changing wave with some noise: the n-th value of a sensor.
std::string reading(std::int64_t n) {
    const double i = static_cast<double>(n);
    const double value = 40 + 10 * std::sin(i / 37) + 3 * std::sin(i / 5.3) + std::fmod(i * 7919, 101) / 50;
    char text[40];
    std::snprintf(text, sizeof text, R"({"value":%.4f})", value);
    return text;
}

/// Appends to one stream of a model, in order.
class Producer {
public:
    explicit Producer(std::string model) : model_(std::move(model)) {
        token_ = connection_.value("SELECT token FROM soup_api.login('bench', 'long enough')");
        connection_.prepare("append", "SELECT (soup_api.append($1::text, $2::text, $3::bytea[], "
                                      "content_type => 'application/json')).first_offset");
    }
    /// One batch; returns the offset behind it.
    std::int64_t append(std::int64_t count) {
        std::vector<std::string> records;
        for (std::int64_t i = 0; i < count; ++i)
            records.push_back(reading(next_++));
        const std::vector<Parameter> parameters{token_, model_, bytea_array(records)};
        connection_.execute("append", parameters);
        return next_;
    }

private:
    Connection connection_;
    std::string model_, token_;
    std::int64_t next_ = 0;
};

/// The key of the last window that is complete when the log ends at `end`.
std::string last_key(std::int64_t end) {
    return "0/bench/" + std::to_string((end - window) / stride * stride);
}

/// Waits until the key is found; seconds from `start`.
double wait_for_key(Connection& reader, const std::string& table, const std::string& key,
                    Clock::time_point start) {
    const std::string sql = "SELECT count(*) FROM " + table + " WHERE key = '" + key + "'";
    while (reader.value(sql) == "0")
        std::this_thread::sleep_for(std::chrono::microseconds(500));
    return since(start);
}

std::string add_default_version(Connection& superuser, const std::string& model) {
    superuser.run("SELECT soup.add_model('bench', '" + model + "')");
    superuser.run("SELECT soup.add_version('bench', '" + model + "', 'v', '" + manifest + "')");
    const std::string token =
        superuser.value("SELECT token FROM soup_api.login('bench_user', 'long enough')");
    superuser.run("SELECT soup_api.promote('" + token + "', '" + model + "', 'v')");
    return "soup_data." +
           superuser.value("SELECT v.storage FROM soup.version v JOIN soup.model m USING (org, model) "
                           "WHERE m.name = '" +
                           model + "'");
}

struct Delay {
    std::vector<double> seconds;
    double values_per_s; ///< Really appended, which is less than asked for when the machine is too busy.
};

struct Sustained {
    double values_per_s, values_per_cpu_s;
};

Sustained measure_sustained(Connection& superuser, Producer& producer, std::int64_t values) {
    producer.append(fit_values + stride);
    drain(superuser);
    stop_processors(superuser);
    for (std::int64_t done = 0; done < values; done += batch_values)
        producer.append(batch_values);
    superuser.run("CHECKPOINT");
    set(superuser, "soup.max_processors", "1");
    // Counted from the start of the process: that it has to start and to learn nothing is in it.
    const auto start = Clock::now();
    drain(superuser);
    const double elapsed = since(start), cpu = cpu_seconds(superuser, "machinesoup processor");
    return {static_cast<double>(values) / elapsed, static_cast<double>(values) / cpu};
}

/// Batches on a schedule of `rate` values a second; every batch is a sample as long as the reader keeps up.
Delay measure_delay(Producer& producer, const std::string& table, double rate, double seconds) {
    constexpr std::int64_t sample_values = 320, append_values_max = 50'000;
    Connection reader;
    std::vector<double> delays;
    const auto start = Clock::now();
    double due = 0;
    std::int64_t appended = 0;
    while (since(start) < seconds) {
        // What is due while a sample is watched goes as one batch after it, so the rate is kept.
        const std::int64_t behind =
            std::min(static_cast<std::int64_t>((since(start) - due) * rate), append_values_max);
        if (behind < sample_values) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            continue;
        }
        const std::int64_t end = producer.append(behind);
        due += static_cast<double>(behind) / rate;
        appended += behind;
        delays.push_back(wait_for_key(reader, table, last_key(end), Clock::now()));
    }
    return {delays, static_cast<double>(appended) / since(start)};
}

std::vector<double> measure_quiet_delay(Producer& producer, const std::string& table, int samples) {
    Connection reader;
    std::vector<double> delays;
    for (int i = 0; i < samples; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20 + i % 7 * 10));
        const std::int64_t end = producer.append(stride);
        delays.push_back(wait_for_key(reader, table, last_key(end), Clock::now()));
    }
    return delays;
}

/// Every version has processed a record and stands at its head.
double measure_idle(Connection& superuser, int versions, double seconds) {
    superuser.run("SELECT soup.add_model('bench', 'idle ' || i) FROM generate_series(1, " +
                  std::to_string(versions) + ") i");
    const std::string token =
        superuser.value("SELECT token FROM soup_api.login('bench_user', 'long enough')");
    const std::string producer = superuser.value("SELECT token FROM soup_api.login('bench', 'long enough')");
    for (int i = 1; i <= versions; ++i) {
        const std::string model = "'idle " + std::to_string(i) + "'";
        superuser.run("SELECT soup.add_version('bench', " + model +
                      ", 'v', '{\"runtime\": \"builtin\", \"entry\": "
                      "\"passthrough\", \"input\": {\"content_type\": \"application/json\"}, \"output\": "
                      "{\"vector\": 2}}')");
        superuser.run("SELECT soup_api.promote('" + token + "', " + model + ", 'v')");
        superuser.run("SELECT soup_api.append('" + producer + "', " + model +
                      ", ARRAY['[1,2]']::bytea[], content_type => 'application/json')");
    }
    drain(superuser);
    superuser.run("VACUUM ANALYZE");
    std::this_thread::sleep_for(std::chrono::seconds(7)); // The workers linger for 5 s.
    const double before =
        cpu_seconds(superuser, "machinesoup launcher") + cpu_seconds(superuser, "machinesoup processor");
    const auto start = Clock::now();
    std::this_thread::sleep_for(Seconds(seconds));
    const double used = cpu_seconds(superuser, "machinesoup launcher") +
                        cpu_seconds(superuser, "machinesoup processor") - before;
    return used / since(start);
}

} // namespace

int main(int argument_count, char** arguments) {
    if (argument_count != 4) {
        std::fprintf(stderr, "usage: processing SECONDS VALUES VERSIONS\n");
        return 2;
    }
    const double seconds = std::atof(arguments[1]);
    const std::int64_t values = std::atoll(arguments[2]);
    const int versions = std::atoi(arguments[3]);

    Connection superuser;
    superuser.run(
        "SELECT soup.add_org('bench'), soup.add_principal('bench', 'bench', 'producer', 'long enough'), "
        "soup.add_principal('bench', 'bench_user', 'consumer', 'long enough')");
    superuser.run("SELECT soup.grant_right('bench', 'bench', NULL, '*', 'append'), "
                  "soup.grant_right('bench_user', 'bench', NULL, '*', 'promote')");
    const std::string table = add_default_version(superuser, "windows");
    Producer producer("windows");

    const Sustained sustained = measure_sustained(superuser, producer, values);
    const double rate = sustained.values_per_s / 2;
    const Delay delay = measure_delay(producer, table, rate, std::max(seconds, 5.0));
    drain(superuser);
    const std::vector<double> quiet = measure_quiet_delay(producer, table, 100);
    const double idle = measure_idle(superuser, versions, 20);

    std::printf("{\"sustained\": {\"values\": %lld, \"values_per_s\": %.0f, \"values_per_cpu_s\": %.0f},\n"
                " \"delay_at_half_rate\": {\"values_per_s\": %.0f, \"samples\": %zu, \"p50_ms\": %.1f, "
                "\"p99_ms\": %.1f},\n"
                " \"delay_when_quiet\": {\"samples\": %zu, \"p50_ms\": %.1f, \"p99_ms\": %.1f},\n"
                " \"idle\": {\"versions\": %d, \"cores\": %.5f}}\n",
                static_cast<long long>(values), sustained.values_per_s, sustained.values_per_cpu_s,
                delay.values_per_s, delay.seconds.size(), 1e3 * quantile(delay.seconds, 0.5),
                1e3 * quantile(delay.seconds, 0.99), quiet.size(), 1e3 * quantile(quiet, 0.5),
                1e3 * quantile(quiet, 0.99), versions, idle);
}
