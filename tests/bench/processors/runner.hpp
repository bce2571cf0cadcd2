// Runs a built-in processor over rows held in memory, as the worker does: fit on the first, then process all.
#pragma once

#include "core/manifest/manifest.hpp"
#include "core/processors/processor.hpp"

#include <span>
#include <string>
#include <vector>

namespace soup::bench {

/// A manifest of window_convolution over these channels, with the attribute score.
manifest::Manifest window_manifest(std::vector<std::string> channels, int window, int stride,
                                   int first_windows, int dimensions, int features = 840);

/// Packed rows of f8 with offsets 0, 1, 2, …
class Log {
public:
    explicit Log(const std::vector<std::string>& channels);

    void add(std::string stream, std::span<const double> row);
    /// Valid until the next add().
    const std::vector<processors::InputRecord>& records();

private:
    std::string content_type_;
    std::size_t row_bytes_;
    std::vector<std::string> streams_;
    std::vector<std::byte> bytes_;
    std::vector<processors::InputRecord> records_;
};

class Points final : public processors::PointSink {
public:
    void point(processors::Point&& point) override { points.push_back(std::move(point)); }
    void reject(const processors::InputRecord& record, std::string_view reason) override;

    std::vector<processors::Point> points;
};

/// Fits on the first records and processes all. Throws when there are too few to fit.
std::vector<processors::Point> run(const manifest::Manifest& manifest,
                                   const std::vector<processors::InputRecord>& records);

/// Offset of a window's first record, from its key.
std::int64_t first_offset(const processors::Point& point);

} // namespace soup::bench
