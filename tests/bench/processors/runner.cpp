// See runner.hpp.
#include "tests/bench/processors/runner.hpp"

#include "core/frame/row.hpp"

#include <cstring>
#include <stdexcept>

namespace soup::bench {

manifest::Manifest window_manifest(std::vector<std::string> channels, int window, int stride,
                                   int first_windows, int dimensions, int features) {
    manifest::Manifest manifest;
    manifest.entry = "window_convolution";
    manifest.input.channels = std::move(channels);
    manifest.parameters.window = window;
    manifest.parameters.stride = stride;
    manifest.parameters.features = features;
    manifest.parameters.first_windows = first_windows;
    manifest.output.vector = dimensions;
    manifest.output.attributes = {{"score", manifest::AttributeType::real}};
    return manifest;
}

Log::Log(const std::vector<std::string>& channels) : row_bytes_(channels.size() * sizeof(double)) {
    std::vector<frame::RowField> fields;
    fields.reserve(channels.size());
    for (const std::string& channel : channels)
        fields.push_back({channel, frame::FieldType::f8});
    content_type_ = frame::make_row_content_type(fields);
}

void Log::add(std::string stream, std::span<const double> row) {
    streams_.push_back(std::move(stream));
    const auto bytes = std::as_bytes(row);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

const std::vector<processors::InputRecord>& Log::records() {
    records_.clear();
    for (std::size_t i = 0; i < streams_.size(); i++) {
        processors::InputRecord record;
        record.offset = static_cast<std::int64_t>(i);
        record.stream = streams_[i];
        record.content_type = content_type_;
        record.bytes = std::span(bytes_).subspan(i * row_bytes_, row_bytes_);
        records_.push_back(record);
    }
    return records_;
}

void Points::reject(const processors::InputRecord& record, std::string_view reason) {
    throw std::runtime_error("record " + std::to_string(record.offset) +
                             " was rejected: " + std::string(reason));
}

std::vector<processors::Point> run(const manifest::Manifest& manifest,
                                   const std::vector<processors::InputRecord>& records) {
    const auto fitter = processors::make_fitter(manifest);
    fitter->add(records);
    const auto processor = processors::make_processor(manifest, fitter->artefact());
    Points points;
    processor->process(records, points);
    return std::move(points.points);
}

std::int64_t first_offset(const processors::Point& point) {
    return std::stoll(point.key.substr(point.key.rfind('/') + 1));
}

} // namespace soup::bench
