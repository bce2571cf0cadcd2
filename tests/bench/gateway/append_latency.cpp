// Latency of one durable record at one connection, two ways in turn, so that both see the same machine:
// the gateway over HTTP, and libpq's INSERT + commit into a plain table.
//
//   append_latency PORT TOKEN ROUNDS    prints JSON: p50 and p99 in microseconds of each way
//
// The plain table bench_record(record_offset bigserial, model text, record text) must exist.
#include "tests/bench/connection.hpp"
#include "tests/bench/http_client.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr const char* record = R"({"timestamp":"2014-04-14 18:00:00","value":0.13223,"machine":7})";

struct Way {
    const char* name;
    std::vector<double> times_us;

    template<class Call>
    void measure(Call call) {
        const auto since = std::chrono::steady_clock::now();
        call();
        times_us.push_back(
            std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - since).count());
    }
    double percentile(double part) {
        std::sort(times_us.begin(), times_us.end());
        return times_us[static_cast<std::size_t>(part * static_cast<double>(times_us.size() - 1))];
    }
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fputs("append_latency PORT TOKEN ROUNDS\n", stderr);
        return 2;
    }
    bench::HttpClient http(std::stoi(argv[1]), argv[2]);
    const std::string request = http.post("/v1/append", "application/json",
                                          R"({"model":"bench","records":[)" + std::string(record) + "]}");
    bench::Connection database;
    database.prepare("insert", "INSERT INTO bench_record (model, record) VALUES ($1, $2)");
    const std::vector<bench::Parameter> values{"bench", record};
    Way gateway{"gateway", {}}, insert{"libpq_insert", {}};
    const int rounds = std::stoi(argv[3]), warm_up = rounds / 10;
    for (int i = 0; i < rounds + warm_up; ++i) {
        if (i == warm_up) gateway.times_us.clear(), insert.times_us.clear();
        gateway.measure([&] { http.must(request); });
        insert.measure([&] { database.execute("insert", values); });
    }
    std::printf("{");
    for (Way* way : {&gateway, &insert})
        std::printf("\"%s\":{\"p50_us\":%.0f,\"p99_us\":%.0f},", way->name, way->percentile(0.5),
                    way->percentile(0.99));
    std::printf("\"p50_ratio\":%.3f}\n", gateway.percentile(0.5) / insert.percentile(0.5));
    return 0;
}
