// The processor window_convolution: windows over sensor channels → vector, anomaly score, plain statistics.
//
// Records become rows (sensor_reader), rows become windows stream by stream (window_assembler), windows that
// are complete wait until some dozens are together or the call ends, then are measured at once
// (window_features), placed and scored (window_embedding) and given to the sink in the order in which they
// were completed. A rejected record is no row: the window goes on with the stream's next record.
//
// A point's key names the record with which its window begins, its source the one with which it ends. They
// lie in different partitions when the window began before the model's number of partitions changed.
//
// State: magic and format version, shape, counters, then the assembler's streams.
#pragma once

#include "core/manifest/manifest.hpp"
#include "core/processors/processor.hpp"
#include "core/processors/sensor_reader.hpp"
#include "core/processors/window_attributes.hpp"
#include "core/processors/neighbour_score.hpp"
#include "core/processors/window_fit.hpp"

#include <unordered_map>

namespace soup::processors {

/// Longest stream name that a key and the state take.
inline constexpr std::size_t stream_bytes_max = 1024;

WindowModelShape window_model_shape(const manifest::Manifest& manifest);
/// See validate() in processor.hpp.
void validate_window_convolution(const manifest::Manifest& manifest);

class WindowConvolution final : public Processor {
public:
    WindowConvolution(const manifest::Manifest& manifest, WindowModel model);

    void process(std::span<const InputRecord> records, PointSink& sink) override;
    std::vector<std::byte> save_state() const override;
    void load_state(std::span<const std::byte> state) override;
    void inherit(std::span<const std::byte> state,
                 const std::function<bool(std::string_view)>& is_inherited) override;
    const Counters& counters() const override { return counters_; }

private:
    using Assembler = WindowAssembler<float>;
    /// A window that is complete and not yet measured: window `index` of segment `segment`.
    struct Waiting {
        Point point;
        std::size_t segment, index;
    };
    Counters read_head(ByteReader& reader) const;
    void wait(const Assembler::Window& window, const InputRecord& record);
    void flush(PointSink& sink);
    std::vector<Value> attributes(const Waiting& waiting, const Coordinates& place) const;

    const WindowModel model_;
    WindowFeatures features_;
    Projection projection_;
    NeighbourScore neighbours_;
    std::vector<WindowAttribute> attributes_;
    SensorReader reader_;
    Assembler assembler_;
    Counters counters_;

    std::vector<Waiting> waiting_;
    std::vector<Segment> segments_;
    std::unordered_map<std::uint64_t, std::size_t> open_segments_; ///< By stream serial, for look-ups only.
    std::size_t waiting_cells_ = 0;
    std::vector<float> row_, measured_;
    Coordinates place_;
};

class WindowFitter final : public Fitter {
public:
    explicit WindowFitter(const manifest::Manifest& manifest);

    bool add(std::span<const InputRecord> records) override;
    bool has_used_records() const override { return has_used_records_; }
    std::size_t windows_seen() const override { return windows_.places.size(); }
    std::size_t windows_needed() const override { return shape_.fit_windows; }
    std::vector<std::byte> artefact() const override;

private:
    WindowModelShape shape_;
    SensorReader reader_;
    WindowAssembler<double> assembler_;
    FitWindows windows_;
    bool has_used_records_ = false;
};

} // namespace soup::processors
