// Queries are taken eight at a time, so that a row of the base is read from memory once for eight of them.
#include "tests/bench/vectors/truth.hpp"

#include "core/simd/dispatch.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <thread>

namespace soup::bench {
namespace {

using Near = std::pair<float, std::uint32_t>;

float squared_distance(const Vectors& base, std::size_t row, const float* query) {
    return simd::kernels().l2_squared(base.row(row), query, base.dimensions);
}

void search_group(const Vectors& base, const Vectors& queries, std::size_t from, std::size_t to,
                  Truth& truth) {
    std::vector<std::vector<Near>> nearest(to - from);
    for (std::size_t row = 0; row < base.rows; row++)
        for (std::size_t q = from; q < to; q++) {
            auto& heap = nearest[q - from];
            const Near one{squared_distance(base, row, queries.row(q)), static_cast<std::uint32_t>(row)};
            if (heap.size() == truth.k && one >= heap.front()) continue;
            if (heap.size() == truth.k) {
                std::pop_heap(heap.begin(), heap.end());
                heap.pop_back();
            }
            heap.push_back(one);
            std::push_heap(heap.begin(), heap.end());
        }
    for (std::size_t q = from; q < to; q++) {
        std::sort_heap(nearest[q - from].begin(), nearest[q - from].end());
        for (std::size_t i = 0; i < truth.k; i++) {
            truth.distances[q * truth.k + i] = nearest[q - from][i].first;
            truth.rows[q * truth.k + i] = nearest[q - from][i].second;
        }
    }
}

/// Tells data sets apart, so that a cache is not taken for another's. FNV-1a over a sample of the values.
std::uint64_t digest(const Vectors& base, const Vectors& queries) {
    std::uint64_t hash = 0xcbf29ce484222325;
    const auto mix = [&](std::uint64_t value) { hash = (hash ^ value) * 0x100000001b3; };
    for (const Vectors* set : {&base, &queries}) {
        mix(set->rows);
        mix(set->dimensions);
        for (std::size_t i = 0; i < set->values.size(); i += 1 + set->values.size() / 100'003)
            mix(std::bit_cast<std::uint32_t>(set->values[i]));
    }
    return hash;
}

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

bool load(const std::string& path, std::uint64_t key, Truth& truth) {
    const File file(std::fopen(path.c_str(), "rb"), &std::fclose);
    std::uint64_t stored = 0;
    return file && std::fread(&stored, sizeof stored, 1, file.get()) == 1 && stored == key &&
           std::fread(truth.rows.data(), 4, truth.rows.size(), file.get()) == truth.rows.size() &&
           std::fread(truth.distances.data(), 4, truth.distances.size(), file.get()) ==
               truth.distances.size();
}

void save(const std::string& path, std::uint64_t key, const Truth& truth) {
    const File file(std::fopen(path.c_str(), "wb"), &std::fclose);
    if (!file || std::fwrite(&key, sizeof key, 1, file.get()) != 1 ||
        std::fwrite(truth.rows.data(), 4, truth.rows.size(), file.get()) != truth.rows.size() ||
        std::fwrite(truth.distances.data(), 4, truth.distances.size(), file.get()) != truth.distances.size())
        throw std::runtime_error(path + ": cannot be written");
}

Truth room_for(const Vectors& base, const Vectors& queries, std::size_t k) {
    if (base.dimensions != queries.dimensions)
        throw std::runtime_error("base and queries differ in dimensions");
    k = std::min(k, base.rows);
    return {k, std::vector<std::uint32_t>(queries.rows * k), std::vector<float>(queries.rows * k)};
}

} // namespace

Truth exact_neighbours(const Vectors& base, const Vectors& queries, std::size_t k, const std::string& cache) {
    Truth truth = room_for(base, queries, k);
    const std::uint64_t key = digest(base, queries) ^ truth.k;
    if (!cache.empty() && load(cache, key, truth)) return truth;
    constexpr std::size_t group = 8;
    const auto work = [&](std::size_t first) {
        for (std::size_t q = first * group; q < queries.rows; q += 2 * group)
            search_group(base, queries, q, std::min(q + group, queries.rows), truth);
    };
    {
        const std::jthread other(work, 1);
        work(0);
    }
    if (!cache.empty()) save(cache, key, truth);
    return truth;
}

Truth given_neighbours(const Vectors& base, const Vectors& queries, std::size_t k, const std::string& path) {
    const Numbers numbers = read_numbers(path);
    Truth truth = room_for(base, queries, std::min(k, numbers.columns));
    if (numbers.rows < queries.rows)
        throw std::runtime_error(path + ": has fewer rows than there are queries");
    for (std::size_t q = 0; q < queries.rows; q++)
        for (std::size_t i = 0; i < truth.k; i++) {
            const auto row = static_cast<std::uint32_t>(numbers.values[q * numbers.columns + i]);
            if (row >= base.rows)
                throw std::runtime_error(path + ": names a row that the base does not have");
            truth.rows[q * truth.k + i] = row;
            truth.distances[q * truth.k + i] = squared_distance(base, row, queries.row(q));
        }
    return truth;
}

double recall(const Vectors& base, const Vectors& queries, std::size_t query, const Truth& truth,
              std::size_t depth, std::span<const std::uint32_t> found) {
    depth = std::min(depth, truth.k);
    // A truth from another program may have summed in another order.
    const float limit = truth.limit(query, depth) * (1 + 1e-6f);
    std::size_t hits = 0;
    for (const std::uint32_t row : found.first(std::min(depth, found.size())))
        hits += squared_distance(base, row, queries.row(query)) <= limit;
    return static_cast<double>(hits) / static_cast<double>(depth);
}

} // namespace soup::bench
