// How fast the distance kernels are, against two yardsticks measured in the same run: the same loop in plain
// C++ as the compiler makes it for the baseline (vectors in cache), and the memory's own speed (vectors that
// are not).
//
// Prints a table for people on stderr and one JSON object per measurement on stdout. Each figure is the best
// of several rounds, in which the contestants take turns, so that a disturbance of the machine meets all
// alike.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/simd/dispatch.hpp"

namespace {

using namespace soup::simd;
using Clock = std::chrono::steady_clock;

[[gnu::noinline]] float plain_l2(const float* a, const float* b, std::size_t n) {
    float sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const float difference = a[i] - b[i];
        sum += difference * difference;
    }
    return sum;
}
[[gnu::noinline]] float plain_dot(const float* a, const float* b, std::size_t n) {
    float sum = 0;
    for (std::size_t i = 0; i < n; ++i)
        sum += a[i] * b[i];
    return sum;
}
[[gnu::noinline]] float plain_cosine(const float* a, const float* b, std::size_t n) {
    float dot = 0, norm_a = 0, norm_b = 0;
    for (std::size_t i = 0; i < n; ++i) {
        dot += a[i] * b[i];
        norm_a += a[i] * a[i];
        norm_b += b[i] * b[i];
    }
    return dot + norm_a + norm_b;
}
[[gnu::noinline]] float plain_l1(const float* a, const float* b, std::size_t n) {
    float sum = 0;
    for (std::size_t i = 0; i < n; ++i)
        sum += std::fabs(a[i] - b[i]);
    return sum;
}

/// One distance of `n` floats; the result is used, so that the call is not dropped.
using Distance = std::function<float(const float* a, const float* b, std::size_t n)>;

struct Contestant {
    std::string name;
    Distance distance;
    double best_seconds = std::numeric_limits<double>::infinity(); ///< Per vector.
};

volatile float sink;

/// Seconds per vector over all rows, repeated until a round takes long enough to be measured.
double one_round(const Distance& distance, const std::vector<float>& rows, const std::vector<float>& query) {
    const std::size_t n = query.size(), count = rows.size() / n;
    const std::size_t repeats = std::max<std::size_t>(1, 4'000'000 / rows.size());
    float total = 0;
    const auto start = Clock::now();
    for (std::size_t repeat = 0; repeat < repeats; ++repeat)
        for (std::size_t row = 0; row < count; ++row)
            total += distance(rows.data() + row * n, query.data(), n);
    const std::chrono::duration<double> took = Clock::now() - start;
    sink = total;
    return took.count() / static_cast<double>(repeats * count);
}

void compete(std::vector<Contestant>& contestants, std::size_t n, std::size_t floats) {
    std::mt19937 random(1);
    std::normal_distribution<float> numbers;
    std::vector<float> rows(floats / n * n), query(n);
    for (float& value : query)
        value = numbers(random);
    for (std::size_t i = 0; i < rows.size(); ++i)
        rows[i] = i < 65536 ? numbers(random) : rows[i - 65536]; // Values don't matter, pages must be real.
    for (int round = 0; round < 7; ++round)
        for (Contestant& contestant : contestants)
            contestant.best_seconds =
                std::min(contestant.best_seconds, one_round(contestant.distance, rows, query));
}

struct Kernel {
    const char* name;
    float (*plain)(const float*, const float*, std::size_t);
    Distance (*of)(const Kernels&);
};

const Kernel kernels_to_measure[] = {
    {"l2_squared", plain_l2, [](const Kernels& k) -> Distance { return k.l2_squared; }},
    {"inner_product", plain_dot, [](const Kernels& k) -> Distance { return k.inner_product; }},
    {"cosine", plain_cosine,
     [](const Kernels& k) -> Distance {
         return [cosine = k.cosine](const float* a, const float* b, std::size_t n) {
             const CosineParts parts = cosine(a, b, n);
             return parts.dot + parts.norm_a + parts.norm_b;
         };
     }},
    {"l1", plain_l1, [](const Kernels& k) -> Distance { return k.l1; }},
};

void report(const char* place, std::size_t n, const Kernel& kernel, std::vector<Contestant>& contestants) {
    compete(contestants, n, std::string(place) == "cache" ? 4096 : 32 << 20);
    const double yardstick = contestants.front().best_seconds;
    for (const Contestant& contestant : contestants) {
        const double bytes = 4.0 * static_cast<double>(n);
        const double gigabytes = bytes / contestant.best_seconds / 1e9;
        std::fprintf(stderr, "%-6s %5zu-d  %-13s %-7s %8.1f ns %7.1f GB/s  %5.2f x %s\n", place, n,
                     kernel.name, contestant.name.c_str(), contestant.best_seconds * 1e9, gigabytes,
                     yardstick / contestant.best_seconds, contestants.front().name.c_str());
        std::printf("{\"place\":\"%s\",\"dimensions\":%zu,\"kernel\":\"%s\",\"contestant\":\"%s\","
                    "\"nanoseconds\":%.2f,\"gigabytes_per_second\":%.2f,\"speed_to_%s\":%.3f}\n",
                    place, n, kernel.name, contestant.name.c_str(), contestant.best_seconds * 1e9, gigabytes,
                    contestants.front().name.c_str(), yardstick / contestant.best_seconds);
    }
}

} // namespace

int main() {
    const Kernels& best = kernels_of(best_available());
    for (std::size_t n : {32, 128, 768, 1536})
        for (const Kernel& kernel : kernels_to_measure) {
            std::vector<Contestant> in_cache{{"plain", kernel.plain}};
            for (Isa isa : best_first)
                if (available(isa)) in_cache.push_back({name(isa), kernel.of(kernels_of(isa))});
            report("cache", n, kernel, in_cache);
            // The memory's speed: the same bytes, read once, nothing done with them but a look for NaN.
            std::vector<Contestant> in_memory{{"reading",
                                               [&best](const float* a, const float*, std::size_t length) {
                                                   return static_cast<float>(best.all_finite(a, length));
                                               }},
                                              {name(best_available()), kernel.of(best)}};
            report("memory", n, kernel, in_memory);
        }
}
