// Counters of one worker, and their text form for Prometheus.
//
// Labels are routes, statuses and pool names: never a customer, model or user. A worker counts alone; the
// lock is there for the thread that scrapes.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

namespace soup::gateway {

class Metrics {
public:
    struct PoolGauge {
        std::size_t ready = 0, under_way = 0, waiting = 0, callers_waiting = 0;
    };

    void count_request(std::string_view route, unsigned status, std::chrono::nanoseconds time);
    void count_join(std::size_t elements);
    /// Records that the server has acknowledged, whatever body they came in.
    void count_records(std::uint64_t records);
    void set_connections(std::size_t count);
    void set_pool(std::string_view pool, PoolGauge gauge);

    /// All workers together, in Prometheus' text format.
    static std::string text(std::span<Metrics* const> workers);

private:
    static constexpr std::array<double, 12> bounds_s{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                     0.05,   0.1,   0.25,   1,     5,    30};
    struct Route {
        std::map<unsigned, std::uint64_t> by_status;
        std::array<std::uint64_t, bounds_s.size()> buckets{};
        std::uint64_t count = 0;
        double seconds = 0;
    };
    struct Counters {
        std::map<std::string, Route, std::less<>> routes;
        std::map<std::string, PoolGauge, std::less<>> pools;
        std::uint64_t joins = 0, joined_elements = 0, records = 0;
        std::size_t connections = 0;
    };
    static void add(Counters& sum, const Counters& part);

    std::mutex mutex_;
    Counters counters_;
};

} // namespace soup::gateway
