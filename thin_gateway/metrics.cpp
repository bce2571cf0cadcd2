// See metrics.hpp.
#include "thin_gateway/metrics.hpp"

#include <fmt/core.h> // format() is in the library; format_to() would be compiled here, for 3 s

namespace soup::gateway {

void Metrics::count_request(std::string_view route, unsigned status, std::chrono::nanoseconds time) {
    const double seconds = std::chrono::duration<double>(time).count();
    const std::lock_guard lock(mutex_);
    auto it = counters_.routes.find(route);
    if (it == counters_.routes.end()) it = counters_.routes.emplace(std::string(route), Route{}).first;
    Route& of = it->second;
    ++of.by_status[status];
    ++of.count;
    of.seconds += seconds;
    for (std::size_t i = 0; i < bounds_s.size(); ++i)
        if (seconds <= bounds_s[i]) {
            ++of.buckets[i];
            break;
        }
}

void Metrics::count_join(std::size_t elements) {
    const std::lock_guard lock(mutex_);
    ++counters_.joins;
    counters_.joined_elements += elements;
}

void Metrics::count_records(std::uint64_t records) {
    const std::lock_guard lock(mutex_);
    counters_.records += records;
}

void Metrics::set_connections(std::size_t count) {
    const std::lock_guard lock(mutex_);
    counters_.connections = count;
}

void Metrics::set_pool(std::string_view pool, PoolGauge gauge) {
    const std::lock_guard lock(mutex_);
    counters_.pools.insert_or_assign(std::string(pool), gauge);
}

void Metrics::add(Counters& sum, const Counters& part) {
    for (const auto& [name, route] : part.routes) {
        Route& to = sum.routes[name];
        for (const auto& [status, count] : route.by_status)
            to.by_status[status] += count;
        for (std::size_t i = 0; i < bounds_s.size(); ++i)
            to.buckets[i] += route.buckets[i];
        to.count += route.count;
        to.seconds += route.seconds;
    }
    for (const auto& [name, gauge] : part.pools) {
        PoolGauge& to = sum.pools[name];
        to.ready += gauge.ready;
        to.under_way += gauge.under_way;
        to.waiting += gauge.waiting;
        to.callers_waiting += gauge.callers_waiting;
    }
    sum.joins += part.joins;
    sum.joined_elements += part.joined_elements;
    sum.records += part.records;
    sum.connections += part.connections;
}

std::string Metrics::text(std::span<Metrics* const> workers) {
    Counters sum;
    for (Metrics* worker : workers) {
        const std::lock_guard lock(worker->mutex_);
        add(sum, worker->counters_);
    }
    std::string out;
    out += "# TYPE soup_gateway_requests_total counter\n";
    for (const auto& [name, route] : sum.routes)
        for (const auto& [status, count] : route.by_status)
            out += fmt::format("soup_gateway_requests_total{{route=\"{}\",status=\"{}\"}} {}\n", name, status,
                               count);
    out += "# TYPE soup_gateway_request_seconds histogram\n";
    for (const auto& [name, route] : sum.routes) {
        std::uint64_t below = 0;
        for (std::size_t i = 0; i < bounds_s.size(); ++i) {
            below += route.buckets[i];
            out += fmt::format("soup_gateway_request_seconds_bucket{{route=\"{}\",le=\"{}\"}} {}\n", name,
                               bounds_s[i], below);
        }
        out += fmt::format("soup_gateway_request_seconds_bucket{{route=\"{0}\",le=\"+Inf\"}} {1}\n"
                           "soup_gateway_request_seconds_sum{{route=\"{0}\"}} {2}\n"
                           "soup_gateway_request_seconds_count{{route=\"{0}\"}} {1}\n",
                           name, route.count, route.seconds);
    }
    out += fmt::format(
        "# TYPE soup_gateway_append_calls_total counter\nsoup_gateway_append_calls_total {}\n"
        "# TYPE soup_gateway_appends_joined_total counter\nsoup_gateway_appends_joined_total {}\n"
        "# TYPE soup_gateway_records_appended_total counter\nsoup_gateway_records_appended_total {}\n"
        "# TYPE soup_gateway_connections gauge\nsoup_gateway_connections {}\n",
        sum.joins, sum.joined_elements, sum.records, sum.connections);
    for (const auto& [kind, member] :
         {std::pair{"ready", &PoolGauge::ready}, std::pair{"under_way", &PoolGauge::under_way},
          std::pair{"waiting", &PoolGauge::waiting},
          std::pair{"callers_waiting", &PoolGauge::callers_waiting}}) {
        out += fmt::format("# TYPE soup_gateway_pool_{} gauge\n", kind);
        for (const auto& [name, gauge] : sum.pools)
            out += fmt::format("soup_gateway_pool_{}{{pool=\"{}\"}} {}\n", kind, name, gauge.*member);
    }
    return out;
}

} // namespace soup::gateway
