// See recordings.hpp. The formats are described with the data; only what the evaluation needs is read.
#include "tests/bench/processors/recordings.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>

namespace soup::bench {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(const std::string& line, char separator) {
    std::vector<std::string> cells;
    std::istringstream in(line);
    for (std::string cell; std::getline(in, cell, separator);)
        cells.push_back(cell);
    return cells;
}

std::ifstream open(const fs::path& path) {
    std::ifstream in(path);
    if (!in) throw std::runtime_error("could not open " + path.string());
    return in;
}

/// The unpacked bytes of a .gz file.
std::string unzip(const fs::path& path) {
    if (!fs::exists(path)) throw std::runtime_error("could not open " + path.string());
    const auto close = [](std::FILE* pipe) { ::pclose(pipe); };
    const std::unique_ptr<std::FILE, decltype(close)> pipe(
        ::popen(("gzip -dc '" + path.string() + "'").c_str(), "r"), close);
    std::string bytes, block(1 << 16, '\0');
    while (const std::size_t got = std::fread(block.data(), 1, block.size(), pipe.get()))
        bytes.append(block, 0, got);
    return bytes;
}

using TimeSpan = std::pair<std::string, std::string>;

Recording read_nab_file(const fs::path& path, const std::vector<TimeSpan>& spans) {
    Recording recording{.name = path.stem().string(), .channels = {"value"}, .cells = {}, .is_anomaly = {}};
    std::ifstream in = open(path);
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
        const auto cells = split(line, ',');
        const auto holds = [&](const TimeSpan& span) {
            return cells[0] >= span.first && cells[0] <= span.second;
        };
        recording.cells.push_back(std::stod(cells[1]));
        recording.is_anomaly.push_back(std::any_of(spans.begin(), spans.end(), holds) ? 1 : 0);
    }
    return recording;
}

} // namespace

std::vector<Recording> read_nab(const fs::path& folder) {
    simdjson::dom::parser parser;
    const simdjson::dom::object files = parser.load((folder / "combined_windows.json").string());
    const std::size_t seconds_length = 19; // "2014-04-10 07:15:00", the form of the files' own times.
    std::vector<Recording> recordings;
    for (const auto& [file, windows] : files) {
        std::vector<TimeSpan> spans;
        for (const simdjson::dom::element window : simdjson::dom::array(windows)) {
            const auto end = [&](std::size_t i) {
                return std::string(std::string_view(window.at(i)).substr(0, seconds_length));
            };
            spans.emplace_back(end(0), end(1));
        }
        // The label files also name recordings that are not part of the shipped set.
        if (!spans.empty() && fs::exists(folder / file))
            recordings.push_back(read_nab_file(folder / file, spans));
    }
    return recordings;
}

std::vector<Recording> read_skab(const fs::path& folder) {
    std::vector<fs::path> paths;
    for (const char* group : {"valve1", "valve2", "other"})
        for (const auto& entry : fs::directory_iterator(folder / group))
            paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    std::vector<Recording> recordings;
    for (const fs::path& path : paths) {
        std::ifstream in = open(path);
        std::string line;
        std::getline(in, line);
        auto names = split(line, ';');
        const std::size_t channels = names.size() - 3; // The time comes first, two labels last.
        Recording recording{
            .name = path.parent_path().filename().string() + "/" + path.stem().string(),
            .channels = {names.begin() + 1, names.begin() + 1 + static_cast<std::ptrdiff_t>(channels)},
            .cells = {},
            .is_anomaly = {}};
        while (std::getline(in, line)) {
            const auto cells = split(line, ';');
            for (std::size_t c = 0; c < channels; c++)
                recording.cells.push_back(std::stod(cells[1 + c]));
            recording.is_anomaly.push_back(std::stod(cells[1 + channels]) != 0 ? 1 : 0);
        }
        recordings.push_back(std::move(recording));
    }
    return recordings;
}

Fleet read_fleet(const fs::path& folder) {
    const int sensor_count = 21, setting_count = 3;
    Fleet fleet;
    for (int s = 1; s <= sensor_count; s++)
        fleet.channels.push_back("s" + std::to_string(s));
    std::istringstream in(unzip(folder / "train_FD001.txt.gz"));
    std::vector<int> last_cycle;
    for (std::string line; std::getline(in, line);) {
        std::istringstream cells(line);
        Fleet::Row row{};
        cells >> row.engine >> row.cycle;
        double cell = 0;
        for (int i = 0; i < setting_count; i++)
            cells >> cell;
        while (cells >> cell)
            row.sensors.push_back(cell);
        last_cycle.resize(
            static_cast<std::size_t>(std::max<int>(row.engine + 1, static_cast<int>(last_cycle.size()))));
        last_cycle[static_cast<std::size_t>(row.engine)] = row.cycle;
        fleet.rows.push_back(std::move(row));
    }
    for (Fleet::Row& row : fleet.rows)
        row.remaining = last_cycle[static_cast<std::size_t>(row.engine)] - row.cycle;
    std::stable_sort(fleet.rows.begin(), fleet.rows.end(),
                     [](const Fleet::Row& a, const Fleet::Row& b) { return a.cycle < b.cycle; });
    return fleet;
}

Images read_images(const fs::path& folder, const std::string& part) {
    const std::size_t image_head = 16, label_head = 8;
    const std::string images = unzip(folder / (part + "-images-idx3-ubyte.gz"));
    const std::string labels = unzip(folder / (part + "-labels-idx1-ubyte.gz"));
    Images result{.width = 28, .height = 28, .pixels = {}, .labels = {}};
    result.pixels.assign(images.begin() + image_head, images.end());
    result.labels.assign(labels.begin() + label_head, labels.end());
    return result;
}

} // namespace soup::bench
