// The processors' figures:
//
//   sustained    window_convolution (window 96, stride 16, 840 features, 32 dimensions) over one channel:
//   values a
//                second of one worker from a full log to committed points, by the clock and by the worker's
//                CPU
//   delay        at half of that rate: from the append's acknowledgement until the last point of the batch is
//   found
//                by its key from another connection; once by SQL, once with append and get_point over HTTP
//   quiet delay  over HTTP, single records with pauses, a worker lingering: from before the append until the
//   point that
//                it completes is found, and the same from the acknowledgement
//   idle         CPU of launcher and processors while many versions have nothing to do, as part of one core
//
// Usage: processing SECONDS VALUES VERSIONS PORT PRODUCER_TOKEN CONSUMER_TOKEN, in a database as bench_soup
// makes it. Prints one JSON object.
#include "tests/bench/http_client.hpp"
#include "tests/bench/processing/cluster.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <stop_token>
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

struct Access {
    int port;
    std::string producer_token, consumer_token;
};

/// A way to the model, for one producer's stream and one consumer, each with a connection (and thread) of its
/// own.
class Way {
public:
    virtual ~Way() = default;
    virtual void append(std::span<const std::string> records) = 0;
    virtual bool has_point(const std::string& key) = 0;
    /// How long to sleep between two looks, so that looking takes little of the processor.
    virtual std::chrono::microseconds pause() const = 0;
};

class SqlWay final : public Way {
public:
    SqlWay(const Access& access, std::string model, std::string table)
        : token_(access.producer_token), model_(std::move(model)), table_(std::move(table)) {
        producer_.prepare("append", "SELECT (soup_api.append($1::text, $2::text, $3::bytea[], "
                                    "content_type => 'application/json')).first_offset");
    }
    void append(std::span<const std::string> records) override {
        const std::vector<Parameter> parameters{token_, model_, bytea_array(records)};
        producer_.execute("append", parameters);
    }
    bool has_point(const std::string& key) override {
        return reader_.value("SELECT count(*) FROM " + table_ + " WHERE key = '" + key + "'") != "0";
    }
    std::chrono::microseconds pause() const override { return std::chrono::microseconds(500); }

private:
    Connection producer_, reader_;
    std::string token_, model_, table_;
};

class HttpWay final : public Way {
public:
    HttpWay(const Access& access, std::string model)
        : producer_(access.port, access.producer_token), consumer_(access.port, access.consumer_token),
          model_(std::move(model)) {}
    void append(std::span<const std::string> records) override {
        std::string body;
        for (const std::string& record : records)
            body.append(record).append("\n");
        producer_.must(producer_.post("/v1/append?model=" + model_, "application/x-ndjson", body));
    }
    bool has_point(const std::string& key) override {
        const int status = consumer_.exchange(consumer_.post(
            "/v1/get_point", "application/json", R"({"model":")" + model_ + R"(","key":")" + key + "\"}"));
        if (status != 200 && status != 404) {
            std::fprintf(stderr, "get_point: %d %s\n", status, std::string(consumer_.body()).c_str());
            std::exit(1);
        }
        return status == 200;
    }
    std::chrono::microseconds pause() const override { return std::chrono::milliseconds(1); }

private:
    HttpClient producer_, consumer_;
    std::string model_;
};

/// The one stream that all values go to, in order, by whichever way.
class Stream {
public:
    /// One batch; returns the offset behind it.
    std::int64_t append(Way& way, std::int64_t count) {
        std::vector<std::string> records;
        records.reserve(static_cast<std::size_t>(count));
        for (std::int64_t i = 0; i < count; ++i)
            records.push_back(reading(next_++));
        way.append(records);
        return next_;
    }
    std::int64_t end() const { return next_; }

private:
    std::int64_t next_ = 0;
};

/// The key of the last window that is complete when the log ends at `end`.
std::string last_key(std::int64_t end) {
    return "0/bench/" + std::to_string((end - window) / stride * stride);
}

/// Waits until the key is found; seconds from `start`.
double wait_for_key(Way& way, const std::string& key, Clock::time_point start) {
    while (!way.has_point(key))
        std::this_thread::sleep_for(way.pause());
    return since(start);
}

void promote(Connection& superuser, const Access& access, const std::string& model) {
    superuser.run("SELECT soup_api.promote('" + access.consumer_token + "', '" + model + "', 'v')");
}

/// Returns the table of the version's points.
std::string add_default_version(Connection& superuser, const Access& access, const std::string& model) {
    superuser.run("SELECT soup.add_model('bench', '" + model + "')");
    superuser.run("SELECT soup.add_version('bench', '" + model + "', 'v', '" + manifest + "')");
    promote(superuser, access, model);
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

Sustained measure_sustained(Connection& superuser, Stream& stream, Way& way, std::int64_t values) {
    stream.append(way, fit_values + stride);
    drain(superuser);
    stop_processors(superuser);
    for (std::int64_t done = 0; done < values; done += batch_values)
        stream.append(way, batch_values);
    superuser.run("CHECKPOINT");
    set(superuser, "soup.max_processors", "1");
    // Counted from the start of the process: that it has to start and to learn nothing is in it.
    const auto start = Clock::now();
    drain(superuser);
    const double elapsed = since(start), cpu = cpu_seconds(superuser, "machinesoup processor");
    return {static_cast<double>(values) / elapsed, static_cast<double>(values) / cpu};
}

/// Batches of equal size on a fixed schedule of `rate` values a second, late ones at once, while a second
/// thread watches: it takes the batch acknowledged last, waits for its last point, and takes the next.
Delay measure_delay(Stream& stream, Way& way, double rate, double seconds) {
    std::mutex mutex;
    std::condition_variable_any acknowledged;
    std::int64_t end = 0;
    Clock::time_point acknowledged_at;
    std::vector<double> delays;
    std::jthread watcher([&](const std::stop_token& stop) {
        for (std::int64_t seen = 0;;) {
            std::unique_lock lock(mutex);
            if (!acknowledged.wait(lock, stop, [&] { return end != seen; })) return;
            seen = end;
            const auto start = acknowledged_at;
            lock.unlock();
            delays.push_back(wait_for_key(way, last_key(seen), start));
        }
    });
    const auto start = Clock::now();
    std::int64_t appended = 0;
    while (since(start) < seconds) {
        std::this_thread::sleep_until(start + std::chrono::duration_cast<Clock::duration>(
                                                  Seconds(static_cast<double>(appended) / rate)));
        const std::int64_t behind = stream.append(way, batch_values);
        appended += batch_values;
        const std::scoped_lock lock(mutex);
        end = behind;
        acknowledged_at = Clock::now();
        acknowledged.notify_one();
    }
    const double took = since(start);
    watcher.request_stop();
    watcher.join();
    return {delays, static_cast<double>(appended) / took};
}

struct QuietDelay {
    std::vector<double> from_send, from_answer; ///< Seconds.
};

/// One record at a time, each completing a window; the records before it have been appended and processed.
QuietDelay measure_quiet_delay(Stream& stream, Way& way, int samples) {
    QuietDelay delays;
    for (int i = 0; i < samples; ++i) {
        const std::int64_t fill = stride - 1 - (stream.end() - window) % stride;
        if (fill > 0) stream.append(way, fill);
        std::this_thread::sleep_for(std::chrono::milliseconds(20 + i % 7 * 10));
        const auto sent = Clock::now();
        const std::int64_t end = stream.append(way, 1);
        delays.from_answer.push_back(wait_for_key(way, last_key(end), Clock::now()));
        delays.from_send.push_back(since(sent));
    }
    return delays;
}

/// Every version has processed a record and stands at its head.
double measure_idle(Connection& superuser, const Access& access, int versions, double seconds) {
    superuser.run("SELECT soup.add_model('bench', 'idle ' || i) FROM generate_series(1, " +
                  std::to_string(versions) + ") i");
    for (int i = 1; i <= versions; ++i) {
        const std::string model = "idle " + std::to_string(i);
        superuser.run("SELECT soup.add_version('bench', '" + model +
                      "', 'v', '{\"runtime\": \"builtin\", \"entry\": "
                      "\"passthrough\", \"input\": {\"content_type\": \"application/json\"}, \"output\": "
                      "{\"vector\": 2}}')");
        promote(superuser, access, model);
        superuser.run("SELECT soup_api.append('" + access.producer_token + "', '" + model +
                      "', ARRAY['[1,2]']::bytea[], content_type => 'application/json')");
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

void print_delay(const char* name, const Delay& delay) {
    std::printf(" \"%s\": {\"values_per_s\": %.0f, \"samples\": %zu, \"p50_ms\": %.1f, \"p99_ms\": %.1f},\n",
                name, delay.values_per_s, delay.seconds.size(), 1e3 * quantile(delay.seconds, 0.5),
                1e3 * quantile(delay.seconds, 0.99));
}

} // namespace

int main(int argument_count, char** arguments) {
    if (argument_count != 7) {
        std::fprintf(stderr,
                     "usage: processing SECONDS VALUES VERSIONS PORT PRODUCER_TOKEN CONSUMER_TOKEN\n");
        return 2;
    }
    const double seconds = std::stod(arguments[1]);
    const std::int64_t values = std::stoll(arguments[2]);
    const int versions = std::stoi(arguments[3]);
    const Access access{std::stoi(arguments[4]), arguments[5], arguments[6]};

    Connection superuser;
    const std::string table = add_default_version(superuser, access, "windows");
    SqlWay sql(access, "windows", table);
    HttpWay http(access, "windows");
    Stream stream;

    const Sustained sustained = measure_sustained(superuser, stream, sql, values);
    const double rate = sustained.values_per_s / 2;
    const Delay by_sql = measure_delay(stream, sql, rate, seconds);
    drain(superuser);
    const Delay by_http = measure_delay(stream, http, rate, seconds);
    drain(superuser);
    const QuietDelay quiet = measure_quiet_delay(stream, http, 100);
    const double idle = measure_idle(superuser, access, versions, 20);

    std::printf("{\"sustained\": {\"values\": %lld, \"values_per_s\": %.0f, \"values_per_cpu_s\": %.0f},\n",
                static_cast<long long>(values), sustained.values_per_s, sustained.values_per_cpu_s);
    print_delay("delay_at_half_rate_sql", by_sql);
    print_delay("delay_at_half_rate_http", by_http);
    std::printf(" \"delay_when_quiet_http\": {\"samples\": %zu, \"p50_ms\": %.1f, \"p99_ms\": %.1f, "
                "\"from_send_p50_ms\": %.1f},\n"
                " \"idle\": {\"versions\": %d, \"cores\": %.5f}}\n",
                quiet.from_answer.size(), 1e3 * quantile(quiet.from_answer, 0.5),
                1e3 * quantile(quiet.from_answer, 0.99), 1e3 * quantile(quiet.from_send, 0.5), versions,
                idle);
}
