// Compiled for the machine at hand, which is what hnswlib asks for; nothing else is in this file.
#include "tests/bench/vectors/memory_peers.hpp"

#include "tests/bench/vectors/thread_clock.hpp"

#include <faiss/AutoTune.h>
#include <faiss/IndexIVF.h>
#include <faiss/index_factory.h>
#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>

// OpenMP's own, with which FAISS is compiled: GCC's omp.h is nothing that clang-tidy can read.
extern "C" void omp_set_num_threads(int count);

namespace soup::bench {
namespace {

using Clock = ThreadClock;
using Place = decltype(faiss::Index::ntotal); // Its name has moved from version to version.
using Ask = std::function<void(const float* query, std::vector<std::uint32_t>& found)>;

double since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

void measure(const char* name, const std::string& setting, const Vectors& base, const Vectors& queries,
             const Truth& truth, std::FILE* json, const Ask& ask) {
    double best = 1e9, found_share = 0;
    std::vector<std::uint32_t> found;
    for (int round = 0; round < 2; round++) {
        double seconds = 0;
        for (std::size_t q = 0; q < queries.rows; q++) {
            found.clear();
            const auto start = Clock::now();
            ask(queries.row(q), found);
            seconds += since(start);
            if (round == 0) found_share += recall(base, queries, q, truth, 10, found);
        }
        best = std::min(best, seconds);
    }
    const auto count = static_cast<double>(queries.rows);
    std::printf("%-14s %-22s %6.4f %8.1f us\n", name, setting.c_str(), found_share / count,
                best / count * 1e6);
    if (json != nullptr)
        std::fprintf(json,
                     "{\"index\": \"%s\", \"setting\": \"%s\", \"recall\": %.4f, \"microseconds\": %.1f}\n",
                     name, setting.c_str(), found_share / count, best / count * 1e6);
}

void measure_hnswlib(const Vectors& base, const Vectors& queries, const Truth& truth, std::FILE* json) {
    const auto start = Clock::now();
    hnswlib::L2Space space(base.dimensions);
    hnswlib::HierarchicalNSW<float> index(&space, base.rows, 16, 200);
    for (std::size_t i = 0; i < base.rows; i++)
        index.addPoint(base.row(i), i);
    std::printf("hnswlib, M 16, ef_construction 200: built in %.1f s by one thread\n", since(start));
    for (const std::size_t ef : {10, 20, 40, 80, 160, 320}) {
        index.setEf(ef);
        measure("hnswlib", "ef=" + std::to_string(ef), base, queries, truth, json,
                [&](const float* query, std::vector<std::uint32_t>& found) {
                    auto nearest = index.searchKnn(query, 10);
                    for (; !nearest.empty(); nearest.pop())
                        found.push_back(static_cast<std::uint32_t>(nearest.top().second));
                });
    }
}

/// `name` is how the curve is called, the factory string names the number of lists and codes too.
void measure_faiss(const char* name, const std::string& factory, const std::vector<std::string>& settings,
                   const Vectors& base, const Vectors& queries, const Truth& truth, std::FILE* json) {
    const auto start = Clock::now();
    const std::unique_ptr<faiss::Index> index(
        faiss::index_factory(static_cast<int>(base.dimensions), factory.c_str(), faiss::METRIC_L2));
    const auto rows = static_cast<Place>(base.rows);
    index->train(rows, base.values.data());
    index->add(rows, base.values.data());
    std::printf("faiss %s: built in %.1f s by one thread\n", factory.c_str(), since(start));
    faiss::ParameterSpace parameters;
    for (const std::string& setting : settings) {
        parameters.set_index_parameters(index.get(), setting.c_str());
        std::vector<Place> rows_found(10);
        std::vector<float> distances(10);
        measure(name, setting, base, queries, truth, json,
                [&](const float* query, std::vector<std::uint32_t>& found) {
                    index->search(1, query, 10, distances.data(), rows_found.data());
                    for (const auto row : rows_found)
                        if (row >= 0) found.push_back(static_cast<std::uint32_t>(row));
                });
    }
}

} // namespace

void measure_peers(const Vectors& base, const Vectors& queries, const Truth& truth, std::FILE* json) {
    omp_set_num_threads(1);
    measure_hnswlib(base, queries, truth, json);
    const auto lists = static_cast<std::size_t>(std::sqrt(static_cast<double>(base.rows)) * 2);
    std::vector<std::string> probes, probes_and_depths;
    for (const char* probe : {"nprobe=1", "nprobe=2", "nprobe=4", "nprobe=8", "nprobe=16", "nprobe=32"}) {
        probes.emplace_back(probe);
        // How much deeper than asked the short codes' order is checked: which depth is enough depends on the
        // set.
        for (const char* depth : {"2", "8", "64", "512"})
            probes_and_depths.push_back(std::string(probe) + ",k_factor_rf=" + depth);
    }
    measure_faiss("FAISS IVF,Flat", "IVF" + std::to_string(lists) + ",Flat", probes, base, queries, truth,
                  json);
    if (base.dimensions % 2 == 0)
        measure_faiss("FAISS IVF,PQ,RFlat",
                      "IVF" + std::to_string(lists) + ",PQ" + std::to_string(base.dimensions / 2) +
                          "x4fs,RFlat",
                      probes_and_depths, base, queries, truth, json);
}

} // namespace soup::bench
