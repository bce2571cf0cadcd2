// Cuts electrocardiograms (WFDB, formats 212 and 80) into windows: a set of any size whose neighbours mean
// something.
//
//   ecg_windows --window 128 --stride 6 --rows 1000000 --base OUT.fvecs --queries OUT.fvecs FILE.hea …
//
// Every signal of a record is cut by itself, in millivolts. One block of 4,096 samples in 32 is held out:
// queries come from there alone, so that no query shares a sample with the base. If there are more windows
// than rows are wanted, a seeded draw decides; the rows keep the order of time, the
// queries none, so that the first few of them are a sample, too.
#include "tests/bench/vectors/dataset.hpp"
#include "tests/bench/vectors/program.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <stdexcept>

namespace soup::bench {
namespace {

struct Signal {
    std::vector<float> millivolts;
};

struct Header {
    std::string data;
    int format = 0;
    std::size_t samples = 0;
    std::vector<double> gains, baselines;
};

Header read_header(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error(path + ": cannot be opened");
    Header header;
    std::string line, word;
    std::size_t signals = 0;
    bool first = true;
    while (std::getline(file, line)) {
        if (line.empty() || line[0] == '#' || line[0] == '\r') continue;
        std::istringstream words(line);
        if (first) {
            double rate = 0;
            words >> word >> signals >> rate >> header.samples;
            if (!words) throw std::runtime_error(path + ": has a damaged first line");
            first = false;
            continue;
        }
        if (header.gains.size() == signals) break;
        std::string gain;
        double resolution = 0, baseline = 0;
        words >> word >> header.format >> gain >> resolution >> baseline;
        if (!words) throw std::runtime_error(path + ": has a damaged signal line");
        header.data = path.substr(0, path.rfind('/') + 1) + word;
        const double per_unit = std::strtod(gain.c_str(), nullptr); // "200" or "49/mV"
        header.gains.push_back(per_unit == 0 ? 200 : per_unit);
        header.baselines.push_back(baseline);
    }
    if (header.gains.empty()) throw std::runtime_error(path + ": names no signal");
    return header;
}

std::vector<int> read_samples(const Header& header) {
    std::ifstream file(header.data, std::ios::binary);
    if (!file) throw std::runtime_error(header.data + ": cannot be opened");
    const std::vector<unsigned char> bytes((std::istreambuf_iterator<char>(file)), {});
    std::vector<int> samples;
    const auto twelve_bits = [](int value) { return value > 2047 ? value - 4096 : value; };
    if (header.format == 80) {
        for (const unsigned char byte : bytes)
            samples.push_back(byte - 128);
    } else if (header.format == 212) {
        for (std::size_t i = 0; i + 3 <= bytes.size(); i += 3) {
            samples.push_back(twelve_bits(bytes[i] | (bytes[i + 1] & 0x0f) << 8));
            samples.push_back(twelve_bits(bytes[i + 2] | (bytes[i + 1] & 0xf0) << 4));
        }
    } else {
        throw std::runtime_error(header.data + ": format " + std::to_string(header.format) +
                                 " is not read here");
    }
    return samples;
}

std::vector<Signal> read_signals(const std::string& path) {
    const Header header = read_header(path);
    const std::vector<int> samples = read_samples(header);
    std::vector<Signal> signals(header.gains.size());
    for (std::size_t i = 0; i < samples.size(); i++) {
        const std::size_t s = i % signals.size();
        signals[s].millivolts.push_back(
            static_cast<float>((samples[i] - header.baselines[s]) / header.gains[s]));
    }
    return signals;
}

/// Where a window begins: in which signal, at which sample.
struct Place {
    std::size_t signal, sample;
};

constexpr std::size_t block = 4096, held_out_every = 32;

void draw(std::vector<Place>& places, std::size_t wanted, std::mt19937_64& random) {
    if (places.size() <= wanted) return;
    std::vector<Place> chosen;
    std::sample(places.begin(), places.end(), std::back_inserter(chosen), wanted, random);
    places.swap(chosen);
}

Vectors cut(const std::vector<Signal>& signals, const std::vector<Place>& places, std::size_t window) {
    Vectors vectors{places.size(), window, {}};
    vectors.values.reserve(places.size() * window);
    for (const Place& place : places) {
        const float* from = signals[place.signal].millivolts.data() + place.sample;
        vectors.values.insert(vectors.values.end(), from, from + window);
    }
    return vectors;
}

int run(int argc, char** argv) {
    CLI::App app{"Cuts electrocardiograms into windows"};
    std::size_t window = 128, stride = 32, rows = 1'000'000, query_rows = 1000;
    std::uint64_t seed = 1;
    std::string base, queries;
    std::vector<std::string> headers;
    app.add_option("--window", window, "samples a window")->check(CLI::Range(1, 4096));
    app.add_option("--stride", stride, "samples from one window to the next")->check(CLI::PositiveNumber);
    app.add_option("--rows", rows, "at most so many windows");
    app.add_option("--query-rows", query_rows, "at most so many queries");
    app.add_option("--seed", seed);
    app.add_option("--base", base, "where the windows go")->required();
    app.add_option("--queries", queries, "where the held-out windows go")->required();
    app.add_option("headers", headers, "the records' .hea files")->required();
    CLI11_PARSE(app, argc, argv);

    std::vector<Signal> signals;
    for (const std::string& header : headers)
        std::ranges::move(read_signals(header), std::back_inserter(signals));
    std::vector<Place> kept, held_out;
    for (std::size_t s = 0; s < signals.size(); s++)
        for (std::size_t at = 0; at + window <= signals[s].millivolts.size(); at += stride) {
            const std::size_t first = at / block, last = (at + window - 1) / block;
            const auto held = [](std::size_t b) { return b % held_out_every == held_out_every - 1; };
            if (held(first) && held(last))
                held_out.push_back({s, at});
            else if (!held(first) && !held(last))
                kept.push_back({s, at});
        }
    std::mt19937_64 random(seed);
    draw(kept, rows, random);
    draw(held_out, query_rows, random);
    std::shuffle(held_out.begin(), held_out.end(), random);
    write_fvecs(base, cut(signals, kept, window));
    write_fvecs(queries, cut(signals, held_out, window));
    std::printf("%zu windows, %zu queries\n", kept.size(), held_out.size());
    return 0;
}

} // namespace
} // namespace soup::bench

int main(int argc, char** argv) {
    return soup::bench::run_program("ecg_windows", soup::bench::run, argc, argv);
}
