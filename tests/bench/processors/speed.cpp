// Prints how fast window_convolution and image_convolution are on one core, without the server.
//
//   speed [SECONDS]        how long each case runs, default 2
//
// A table for people goes to standard error, one JSON object per case to standard output. A case repeats
// process() over batches of 4,096 records held in memory, saving the state after each as the worker does.
// "values" are channel values taken in; JSON and packed rows differ by the cost of reading them.
#include "core/json/writer.hpp"
#include "tests/bench/processors/runner.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace soup::bench {
namespace {

/// Processor time of this thread: what "per core" means on a machine that others use too.
double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// A noisy daily wave: something that kernels respond to.
double wave(std::size_t row, std::size_t channel) {
    const auto noise = static_cast<double>((row * 2654435761U + channel * 40503U) % 1000) / 1000;
    return static_cast<double>((row + 31 * channel) % 288) / 288 + noise;
}

struct Case {
    const char* name;
    int window, stride;
    std::size_t channels, streams;
    bool is_json;
};

class Counting final : public processors::PointSink {
public:
    void point(processors::Point&&) override { points++; }
    void reject(const processors::InputRecord&, std::string_view) override { std::abort(); }
    std::size_t points = 0;
};

void run_case(const Case& one, double seconds) {
    const std::size_t batch = 4096, batches = 16;
    std::vector<std::string> channels, texts, streams;
    for (std::size_t c = 0; c < one.channels; c++)
        channels.push_back("c" + std::to_string(c));
    for (std::size_t s = 0; s < one.streams; s++)
        streams.push_back("device-" + std::to_string(s));
    const auto manifest = window_manifest(channels, one.window, one.stride, 300, 32, 840);

    Log log(channels);
    for (std::size_t i = 0; i < batch * batches; i++) {
        std::vector<double> row;
        row.reserve(one.channels);
        for (std::size_t c = 0; c < one.channels; c++)
            row.push_back(wave(i / one.streams, c));
        log.add(streams[i % one.streams], row);
        std::string text;
        json::Writer writer(text);
        writer.begin_object();
        writer.key("timestamp");
        writer.string("2013-12-02 21:15:00");
        for (std::size_t c = 0; c < one.channels; c++) {
            writer.key(channels[c]);
            writer.number(row[c]);
        }
        writer.end_object();
        texts.push_back(std::move(text));
    }
    auto records = log.records();
    if (one.is_json)
        for (std::size_t i = 0; i < records.size(); i++) {
            records[i].content_type = "application/json";
            records[i].bytes = std::as_bytes(std::span(texts[i]));
        }

    const auto fitter = processors::make_fitter(manifest);
    fitter->add(records);
    const double before_fit = cpu_seconds();
    const auto artefact = fitter->artefact();
    const double fit_seconds = cpu_seconds() - before_fit;
    const auto processor = processors::make_processor(manifest, artefact);

    Counting sink;
    std::size_t done = 0;
    const double start = cpu_seconds();
    double elapsed = 0;
    while (elapsed < seconds) {
        processor->process(std::span(records).subspan(done % records.size(), batch), sink);
        processor->save_state();
        done += batch;
        elapsed = cpu_seconds() - start;
    }
    const auto values = static_cast<double>(done * one.channels);
    const double windows = static_cast<double>(sink.points);
    std::fprintf(stderr, "%-44s %12.0f %12.0f %10.1f\n", one.name, values / elapsed, windows / elapsed,
                 fit_seconds * 1e3);
    std::printf(
        "{\"case\": \"%s\", \"values_per_cpu_s\": %.0f, \"windows_per_cpu_s\": %.0f, \"fit_ms\": %.1f}\n",
        one.name, values / elapsed, windows / elapsed, fit_seconds * 1e3);
}

} // namespace
} // namespace soup::bench

int main(int argc, char** argv) {
    const double seconds = argc > 1 ? std::stod(argv[1]) : 2;
    std::fprintf(stderr, "%-44s %12s %12s %10s\n", "window_convolution, 840 features, vector 32", "values/s",
                 "windows/s", "fit ms");
    for (const auto& one : std::initializer_list<soup::bench::Case>{
             {"window 96, stride 16, packed rows", 96, 16, 1, 1, false},
             {"window 96, stride 16, JSON", 96, 16, 1, 1, true},
             {"window 96, stride 16, JSON, 500 streams", 96, 16, 1, 500, true},
             {"window 96, stride 16, 8 channels, packed rows", 96, 16, 8, 1, false},
             {"window 96, stride 96, packed rows", 96, 96, 1, 1, false},
             {"window 96, stride 1, packed rows", 96, 1, 1, 1, false}})
        soup::bench::run_case(one, seconds);
}
