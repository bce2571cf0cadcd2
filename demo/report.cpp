// soup_demo: finds the demo's question and judges its answer.
//
//   soup_demo lag LABEL DESCRIPTION
//       how many records that version has yet to process, from the answer of describe_model
//   soup_demo fault MANIFEST RECORDING FAULTS POINTS
//       the key of the window with the highest score inside the recording's last labelled fault
//   soup_demo report MANIFEST RECORDING FAULTS NEAREST POINTS
//       the first ten of NEAREST, the answer of nearest, as a table; from POINTS, all of the model as NDJSON,
//       the ROC-AUC of the anomaly score against the recording's labels, beside that of a moving-average
//       baseline on the same windows
//
// The recording is what the model got first; windows of what came later are passed over. Only windows after
// the fit range count, for the model has learned from the others. A window is labelled when one of its rows
// lies in a fault. The baseline of a row is |x − mean| / deviation of the 96 rows before it; that of a window
// is the mean or the largest of its rows, whichever does better.
#include "core/manifest/manifest.hpp"
#include "core/processors/baseline.hpp"
#include "core/processors/evaluation.hpp"
#include "demo/recording.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace soup;

constexpr unsigned rows_shown = 10;

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error(path + ": cannot be read");
    return {std::istreambuf_iterator<char>(file), {}};
}

/// The first row of the window with the key <partition>/<stream>/<offset>: its offset, for the recording is
/// the first that the model got. Nothing when the window is not of the recording.
std::optional<std::size_t> first_row(std::string_view key, const demo::Recording& recording,
                                     const manifest::Parameters& parameters) {
    std::size_t row = 0;
    std::string_view const digits = key.substr(key.rfind('/') + 1);
    if (std::from_chars(digits.data(), digits.data() + digits.size(), row).ec != std::errc())
        throw std::runtime_error("not the key of a window: " + std::string(key));
    if (row + static_cast<std::size_t>(parameters.window) > recording.size()) return {};
    return row;
}

/// Calls each(key, score) for every point of an NDJSON answer; throws when the answer was cut.
template<class Each>
void for_each_point(const std::string& path, Each&& each) {
    simdjson::padded_string const lines = simdjson::padded_string::load(path);
    simdjson::dom::parser parser;
    simdjson::dom::document_stream rows = parser.parse_many(lines);
    bool is_complete = false;
    for (simdjson::dom::element row : rows) {
        std::string_view key;
        if (row["end"].error() == simdjson::SUCCESS) is_complete = true;
        if (row["key"].get(key) == simdjson::SUCCESS) each(key, double(row["attributes"]["score"]));
    }
    if (!is_complete) throw std::runtime_error(path + ": the stream was cut: its last line is missing");
}

void print_lag(std::string_view label, const std::string& path) {
    simdjson::dom::parser parser;
    for (simdjson::dom::element version : parser.load(path)["versions"].get_array()) {
        if (std::string_view(version["label"]) != label) continue;
        std::printf("%" PRId64 "\n", version["lag_records"].get_int64().value());
        return;
    }
    throw std::runtime_error(path + ": no version has the label " + std::string(label));
}

void print_fault_key(const manifest::Parameters& parameters, demo::Recording recording,
                     const std::string& path) {
    recording.faults.erase(recording.faults.begin(), recording.faults.end() - 1);
    std::string worst_key;
    double worst_score = -1;
    for_each_point(path, [&](std::string_view key, double score) {
        auto const first = first_row(key, recording, parameters);
        if (!first || score <= worst_score ||
            !recording.touches_fault(*first, static_cast<std::size_t>(parameters.window)))
            return;
        worst_key = key;
        worst_score = score;
    });
    if (worst_key.empty()) throw std::runtime_error("no window lies in the last fault");
    std::printf("%s\n", worst_key.c_str());
}

void print_nearest(const manifest::Parameters& parameters, const demo::Recording& recording,
                   const std::string& path) {
    auto const window = static_cast<std::size_t>(parameters.window);
    std::printf("\nThe windows nearest to the known fault:\n\n  %-19s  %-19s  %8s  %6s  %s\n", "from", "to",
                "distance", "score", "labelled as a fault");
    simdjson::dom::parser parser;
    unsigned shown = 0;
    for (simdjson::dom::element row : parser.load(path)["rows"].get_array()) {
        auto const first = first_row(row["key"], recording, parameters);
        if (!first) continue;
        double const distance = row["distance"], score = row["attributes"]["score"];
        std::printf("  %-19s  %-19s  %8.3f  %6.2f  %s\n", recording.times[*first].c_str(),
                    recording.times[*first + window - 1].c_str(), distance, score,
                    recording.touches_fault(*first, window) ? "yes" : "no");
        if (++shown == rows_shown) return;
    }
}

struct Judged {
    std::vector<double> score, baseline_mean, baseline_max;
    std::vector<std::uint8_t> labels;
};

Judged judge(const manifest::Parameters& parameters, const demo::Recording& recording,
             const std::string& path) {
    auto const window = static_cast<std::size_t>(parameters.window);
    auto const fit_rows =
        static_cast<std::size_t>(parameters.first_windows) * static_cast<std::size_t>(parameters.stride);
    std::vector<double> const residuals = processors::moving_average_residuals(recording.values, 1);
    Judged judged;
    for_each_point(path, [&](std::string_view key, double score) {
        auto const first = first_row(key, recording, parameters);
        if (!first || *first < fit_rows) return;
        auto const begin = residuals.begin() + static_cast<std::ptrdiff_t>(*first),
                   end = begin + parameters.window;
        judged.score.push_back(score);
        judged.baseline_mean.push_back(std::accumulate(begin, end, 0.0));
        judged.baseline_max.push_back(*std::max_element(begin, end));
        judged.labels.push_back(recording.touches_fault(*first, window) ? 1 : 0);
    });
    return judged;
}

void print_judgement(const Judged& judged) {
    auto auc = [&](const std::vector<double>& scores) {
        auto area = processors::roc_auc(scores, judged.labels);
        if (!area) throw std::runtime_error("the windows after the fit range carry one label only");
        return *area;
    };
    std::printf("\n  ROC-AUC of the score against the recording's labels  %.3f\n"
                "  ROC-AUC of a moving-average baseline                 %.3f\n"
                "  (%zu windows after the fit range, %td of them labelled)\n\n",
                auc(judged.score), std::max(auc(judged.baseline_mean), auc(judged.baseline_max)),
                judged.score.size(), std::count(judged.labels.begin(), judged.labels.end(), 1));
}

int run(const std::vector<std::string>& words) {
    if (words.size() == 3 && words[0] == "lag") {
        print_lag(words[1], words[2]);
        return 0;
    }
    bool const is_fault = words.size() == 5 && words[0] == "fault";
    if (!is_fault && !(words.size() == 6 && words[0] == "report")) {
        std::fputs("usage: soup_demo lag LABEL DESCRIPTION\n"
                   "       soup_demo fault MANIFEST RECORDING FAULTS POINTS\n"
                   "       soup_demo report MANIFEST RECORDING FAULTS NEAREST POINTS\n",
                   stderr);
        return 2;
    }
    manifest::Parameters const parameters = manifest::parse_manifest(read_file(words[1])).parameters;
    demo::Recording const recording = demo::read_recording(words[2], words[3]);
    if (is_fault) {
        print_fault_key(parameters, recording, words[4]);
    } else {
        print_nearest(parameters, recording, words[4]);
        print_judgement(judge(parameters, recording, words[5]));
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run({argv + 1, argv + argc});
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "soup_demo: %s\n", failure.what());
        return 1;
    }
}
