// Labelled public recordings as rows of numbers: NAB, SKAB, C-MAPSS, and Fashion-MNIST's images.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace soup::bench {

struct Recording {
    std::string name;
    std::vector<std::string> channels;
    std::vector<double> cells;            ///< [row][channel]
    std::vector<std::uint8_t> is_anomaly; ///< Of each row.

    std::size_t rows() const { return channels.empty() ? 0 : cells.size() / channels.size(); }
};

/// Every NAB recording with at least one labelled window, by name.
std::vector<Recording> read_nab(const std::filesystem::path& folder);
/// Every labelled SKAB experiment, by name.
std::vector<Recording> read_skab(const std::filesystem::path& folder);

/// The run-to-failure fleet of C-MAPSS FD001, in the order in which it would send: cycle by cycle, engine by
/// engine.
struct Fleet {
    struct Row {
        int engine, cycle, remaining; ///< Cycles that the engine will still run.
        std::vector<double> sensors;
    };
    std::vector<std::string> channels;
    std::vector<Row> rows;
};
Fleet read_fleet(const std::filesystem::path& folder);

struct Images {
    std::size_t width = 0, height = 0;
    std::vector<std::uint8_t> pixels, labels;
};
/// `part` is "train" or "t10k".
Images read_images(const std::filesystem::path& folder, const std::string& part);

} // namespace soup::bench
