// Prints how good window_convolution's score and image_convolution's vectors are on labelled public data.
//
//   evaluate FOLDER [nab|skab|cmapss|images]…      FOLDER holds nab/, skab/, cmapss-fd001/, fashion-mnist/
//
// A window is labelled when any of its rows is. Only windows after the fit range count, for the score and for
// the baseline alike. The baseline (baseline.hpp) is one number a row; a window takes the mean, the largest,
// or the last of its rows, and all three are printed, since which is best differs from recording to
// recording.
#include "core/processors/baseline.hpp"
#include "core/processors/evaluation.hpp"
#include "tests/bench/processors/recordings.hpp"
#include "tests/bench/processors/runner.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>

namespace soup::bench {
namespace {

using processors::roc_auc;

/// What the windows after the fit range got.
struct Scores {
    std::vector<double> score, baseline_mean, baseline_max, baseline_last;
    std::vector<std::uint8_t> labels;
};

Scores score_windows(const Recording& recording, const manifest::Manifest& manifest) {
    const std::size_t channels = recording.channels.size();
    Log log(recording.channels);
    for (std::size_t row = 0; row < recording.rows(); row++)
        log.add(recording.name, std::span(recording.cells).subspan(row * channels, channels));
    const auto points = run(manifest, log.records());
    const auto residuals = processors::moving_average_residuals(recording.cells, channels);

    Scores scores;
    for (auto p = static_cast<std::size_t>(manifest.parameters.first_windows); p < points.size(); p++) {
        const auto first = residuals.begin() + first_offset(points[p]),
                   last = residuals.begin() + points[p].offset;
        double sum = 0;
        for (auto at = first; at <= last; ++at)
            sum += *at;
        scores.score.push_back(std::get<double>(points[p].attributes[0]));
        scores.baseline_mean.push_back(sum);
        scores.baseline_max.push_back(*std::max_element(first, last + 1));
        scores.baseline_last.push_back(*last);
        const auto labels = recording.is_anomaly.begin();
        const bool is_labelled = std::any_of(labels + first_offset(points[p]), labels + points[p].offset + 1,
                                             [](std::uint8_t label) { return label != 0; });
        scores.labels.push_back(is_labelled ? 1 : 0);
    }
    return scores;
}

/// Prints a line per recording, and the means.
class Table {
public:
    explicit Table(const char* title) {
        std::printf("\n%s\n%-42s %8s %8s %8s %10s %9s %9s\n", title, "recording", "windows", "labelled",
                    "score", "base mean", "base max", "base last");
    }
    void add(const std::string& name, const Scores& scores) {
        const auto labelled = std::count(scores.labels.begin(), scores.labels.end(), 1);
        const std::vector<const std::vector<double>*> all = {&scores.score, &scores.baseline_mean,
                                                             &scores.baseline_max, &scores.baseline_last};
        std::vector<double> areas;
        for (const auto* one : all) {
            const auto area = roc_auc(*one, scores.labels);
            if (!area) return; // Nothing labelled after the fit range, or nothing else.
            areas.push_back(*area);
        }
        std::printf("%-42s %8zu %8td", name.c_str(), scores.labels.size(), labelled);
        for (std::size_t i = 0; i < areas.size(); i++) {
            std::printf(i == 1 ? " %10.3f" : i == 0 ? " %8.3f" : " %9.3f", areas[i]);
            sums_[i] += areas[i];
        }
        wins_ += areas[0] > *std::max_element(areas.begin() + 1, areas.end()) ? 1 : 0;
        count_++;
        std::printf("\n");
    }
    ~Table() {
        if (count_ == 0) return;
        std::printf("%-42s %8s %8s %8.3f %10.3f %9.3f %9.3f   above all three: %d of %d\n", "mean", "", "",
                    sums_[0] / count_, sums_[1] / count_, sums_[2] / count_, sums_[3] / count_, wins_,
                    count_);
    }

private:
    double sums_[4] = {};
    int count_ = 0, wins_ = 0;
};

void evaluate_nab(const std::filesystem::path& folder) {
    const int window = 96, stride = 16, fit_most = 500, dimensions = 32;
    Table table(
        "NAB: window 96, stride 16, fit on the first 500 windows or on the first half, vector 32; ROC-AUC");
    for (const Recording& recording : read_nab(folder)) {
        const int windows = (static_cast<int>(recording.rows()) - window) / stride + 1;
        const int fit = std::min(fit_most, windows / 2);
        if (fit > dimensions)
            table.add(recording.name, score_windows(recording, window_manifest(recording.channels, window,
                                                                               stride, fit, dimensions)));
    }
}

void evaluate_skab(const std::filesystem::path& folder) {
    const int window = 32, stride = 4, fit_rows = 400, dimensions = 16;
    Table table("SKAB: 8 channels, window 32, stride 4, fit on the first 400 rows, vector 16; ROC-AUC");
    for (const Recording& recording : read_skab(folder)) {
        const int fit = (fit_rows - window) / stride + 1;
        table.add(recording.name, score_windows(recording, window_manifest(recording.channels, window, stride,
                                                                           fit, dimensions)));
    }
}

void evaluate_fleet(const std::filesystem::path& folder) {
    const int window = 30, stride = 5, fit = 300, dimensions = 16;
    const Fleet fleet = read_fleet(folder);
    Log log(fleet.channels);
    std::map<int, std::vector<double>> cells; // Of each engine, for the baseline.
    for (const Fleet::Row& row : fleet.rows) {
        log.add("engine-" + std::to_string(row.engine), row.sensors);
        auto& all = cells[row.engine];
        all.insert(all.end(), row.sensors.begin(), row.sensors.end());
    }
    std::map<int, std::vector<double>> residuals;
    for (const auto& [engine, rows] : cells)
        residuals[engine] = processors::moving_average_residuals(rows, fleet.channels.size());

    const auto points = run(window_manifest(fleet.channels, window, stride, fit, dimensions), log.records());
    std::vector<double> score, baseline, remaining;
    for (std::size_t p = fit; p < points.size(); p++) {
        const Fleet::Row& row = fleet.rows[static_cast<std::size_t>(points[p].offset)];
        const auto last = residuals[row.engine].begin() + row.cycle;
        double sum = 0;
        for (auto at = last - window; at < last; ++at)
            sum += *at;
        score.push_back(std::get<double>(points[p].attributes[0]));
        baseline.push_back(sum);
        remaining.push_back(-static_cast<double>(row.remaining));
    }
    std::printf("\nC-MAPSS FD001: 100 engines, 21 channels, window 30, stride 5, fit on the fleet's first "
                "300 windows\n"
                "rank correlation with life used up, %zu windows: score %.3f, baseline %.3f\n",
                score.size(), processors::rank_correlation(score, remaining).value_or(0),
                processors::rank_correlation(baseline, remaining).value_or(0));
}

/// Share of the k nearest base rows with the query's label, and of queries whose majority has it.
struct Agreement {
    double neighbours, majority;
};
Agreement label_agreement(const std::vector<float>& base, const std::vector<std::uint8_t>& base_labels,
                          const std::vector<float>& queries, const std::vector<std::uint8_t>& query_labels,
                          std::size_t dimensions) {
    const std::size_t k = 10, count = base.size() / dimensions, query_count = queries.size() / dimensions;
    Agreement sum{};
    std::vector<std::pair<float, std::size_t>> distances(count);
    for (std::size_t q = 0; q < query_count; q++) {
        for (std::size_t b = 0; b < count; b++) {
            float squared = 0;
            for (std::size_t d = 0; d < dimensions; d++) {
                const float difference = base[b * dimensions + d] - queries[q * dimensions + d];
                squared += difference * difference;
            }
            distances[b] = {squared, b};
        }
        std::partial_sort(distances.begin(), distances.begin() + k, distances.end());
        std::map<std::uint8_t, std::size_t> votes;
        for (std::size_t n = 0; n < k; n++)
            votes[base_labels[distances[n].second]]++;
        const auto winner = std::max_element(
            votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
        sum.neighbours += static_cast<double>(votes[query_labels[q]]) / static_cast<double>(k);
        sum.majority += winner->first == query_labels[q] ? 1 : 0;
    }
    return {sum.neighbours / static_cast<double>(query_count),
            sum.majority / static_cast<double>(query_count)};
}

void evaluate_images(const std::filesystem::path& folder) {
    const std::size_t base_count = 20'000, query_count = 1'000;
    const Images train = read_images(folder, "train"), test = read_images(folder, "t10k");
    const std::size_t pixels = train.width * train.height;
    manifest::Manifest manifest;
    manifest.entry = "image_convolution";
    manifest.parameters.width = static_cast<int>(train.width);
    manifest.parameters.height = static_cast<int>(train.height);
    manifest.parameters.first_windows = 2000;
    manifest.output.vector = 64;

    std::vector<processors::InputRecord> records;
    const auto add = [&](const Images& images, std::size_t count) {
        for (std::size_t i = 0; i < count; i++) {
            processors::InputRecord record;
            record.offset = static_cast<std::int64_t>(records.size());
            record.content_type = "application/octet-stream";
            record.bytes = std::as_bytes(std::span(images.pixels).subspan(i * pixels, pixels));
            records.push_back(record);
        }
    };
    add(train, base_count);
    add(test, query_count);
    const auto points = run(manifest, records);

    const auto dimensions = static_cast<std::size_t>(manifest.output.vector);
    std::vector<float> vectors, raw;
    for (const auto& point : points)
        vectors.insert(vectors.end(), point.vector.begin(), point.vector.end());
    for (const auto& record : records)
        for (const std::byte pixel : record.bytes)
            raw.push_back(static_cast<float>(pixel));
    const auto print = [&](const char* name, const std::vector<float>& all, std::size_t width) {
        const auto middle = all.begin() + static_cast<std::ptrdiff_t>(base_count * width);
        const Agreement agreement =
            label_agreement({all.begin(), middle}, train.labels, {middle, all.end()}, test.labels, width);
        std::printf("%-28s %8zu %12.4f %12.4f\n", name, width, agreement.neighbours, agreement.majority);
    };
    std::printf("\nFashion-MNIST: %zu base images, %zu queries, 10 nearest\n%-28s %8s %12s %12s\n",
                base_count, query_count, "", "numbers", "same label", "majority");
    print("image_convolution", vectors, dimensions);
    print("raw pixels", raw, pixels);
}

int evaluate(const std::filesystem::path& folder, std::set<std::string> parts) {
    if (parts.empty()) parts = {"nab", "skab", "cmapss", "images"};
    if (parts.contains("nab")) evaluate_nab(folder / "nab");
    if (parts.contains("skab")) evaluate_skab(folder / "skab");
    if (parts.contains("cmapss")) evaluate_fleet(folder / "cmapss-fd001");
    if (parts.contains("images")) evaluate_images(folder / "fashion-mnist");
    return 0;
}

} // namespace
} // namespace soup::bench

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s FOLDER [nab|skab|cmapss|images]...\n", argv[0]);
        return 2;
    }
    try {
        return soup::bench::evaluate(argv[1], {argv + 2, argv + argc});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
