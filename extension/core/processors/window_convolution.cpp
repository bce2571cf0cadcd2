// See window_convolution.hpp.
#include "core/processors/window_convolution.hpp"

#include "core/processors/byte_stream.hpp"

#include <algorithm>
#include <string>

namespace soup::processors {
namespace {

constexpr std::uint64_t window_state_magic =
    0x32767363776f7573ULL; // "suwcsv2", little-endian; the 2 is the format version.
/// What the state holds beside the streams: magic, shape, counters, restarts, stream count.
constexpr std::size_t state_head_bytes = 10 * sizeof(std::uint64_t);
/// Windows measured at once: enough columns for the bank's loops, few enough for the caches.
constexpr std::size_t waiting_max = 64;
/// And not more cells than this, for very long windows.
constexpr std::size_t waiting_cells_max = 1 << 20;
/// Cells of all fit windows together (128 MiB while fitting), and fit windows.
constexpr std::size_t fit_cells_max = 16 << 20;
constexpr int fit_windows_max = 10000;

void refuse(const char* field, const std::string& why) {
    throw bad_input(std::string(field) + ": " + why);
}

bool can_use_stream(const InputRecord& record) {
    return record.stream.size() <= stream_bytes_max;
}

} // namespace

WindowModelShape window_model_shape(const manifest::Manifest& manifest) {
    const auto& parameters = manifest.parameters;
    return {.windows = {.window = static_cast<std::size_t>(parameters.window),
                        .stride = static_cast<std::size_t>(parameters.stride),
                        .channels = manifest.input.channels.size()},
            .bank_features = static_cast<std::size_t>(parameters.features) / kernel_count * kernel_count,
            .dimensions = static_cast<std::size_t>(manifest.output.vector),
            .fit_windows = static_cast<std::size_t>(parameters.first_windows)};
}

void validate_window_convolution(const manifest::Manifest& manifest) {
    const auto& parameters = manifest.parameters;
    if (manifest.input.channels.empty()) refuse("/input/channels", "must name at least one channel");
    if (parameters.window < static_cast<int>(kernel_length))
        refuse("/parameters/window", "must be at least " + std::to_string(kernel_length));
    if (parameters.stride < 1) refuse("/parameters/stride", "must be at least 1");
    if (parameters.features < static_cast<int>(kernel_count))
        refuse("/parameters/features", "must be at least " + std::to_string(kernel_count));
    if (parameters.first_windows < 2 || parameters.first_windows > fit_windows_max)
        refuse("/parameters/fit/first_windows", "must be from 2 to " + std::to_string(fit_windows_max));
    if (manifest.output.vector < 1) refuse("/output/vector", "must be at least 1");
    if (manifest.output.position.kind != manifest::PositionKind::none)
        refuse("/output/position", "must be null for window_convolution");

    const WindowModelShape shape = window_model_shape(manifest);
    const auto& [window, stride, channels] = shape.windows;
    if (shape.features() > features_max)
        refuse("/parameters/features", "at most " + std::to_string(features_max) + " together with " +
                                           std::to_string(features_per_channel * channels) +
                                           " for the level and spread of the channels");
    if (shape.dimensions > std::min(shape.features(), shape.fit_windows - 1))
        refuse("/output/vector", "must be less than the fit windows and at most the features (" +
                                     std::to_string(shape.features()) + ")");
    if (state_head_bytes + 2 * stream_state_bytes(shape.windows, stream_bytes_max, window) > state_bytes_max)
        refuse("/parameters/window",
               "window × channels is too large for the state that a processor may keep");
    if (shape.fit_windows > fit_cells_max / (window * channels))
        refuse("/parameters/fit/first_windows",
               "first_windows × window × channels must be at most " + std::to_string(fit_cells_max));
    if (WindowModel::encoded_bytes(shape) > artefact_bytes_max)
        refuse("/output/vector", "the fitted artefact would be above 16 MiB");

    for (std::size_t i = 0; i < manifest.output.attributes.size(); i++) {
        const auto& attribute = manifest.output.attributes[i];
        const std::string field = "/output/attributes/" + attribute.name;
        if (!find_window_attribute(attribute.name, manifest.input.channels))
            refuse(field.c_str(), "not known; window_convolution gives score and mean, std, min, max, last, "
                                  "each also as mean_<channel>");
        if (attribute.type != manifest::AttributeType::real &&
            attribute.type != manifest::AttributeType::double_precision)
            refuse(field.c_str(), "must be real or double");
    }
}

WindowConvolution::WindowConvolution(const manifest::Manifest& manifest, WindowModel model)
    : model_(std::move(model)),
      features_(
          model_.shape.windows,
          plan_bank(model_.shape.windows.window, model_.shape.windows.channels, model_.shape.bank_features),
          model_.biases),
      projection_(model_.reduction), neighbours_(model_.references, model_.shape.dimensions),
      reader_(manifest.input), assembler_(model_.shape.windows, state_bytes_max - state_head_bytes),
      row_(model_.shape.windows.channels) {
    for (const auto& attribute : manifest.output.attributes)
        attributes_.push_back(find_window_attribute(attribute.name, manifest.input.channels).value());
}

void WindowConvolution::process(std::span<const InputRecord> records, PointSink& sink) {
    for (const InputRecord& record : records) {
        counters_.records++;
        const std::string_view reason = can_use_stream(record) ? reader_.read(record) : reason::bad_key;
        if (!reason.empty()) {
            counters_.rejected++;
            sink.reject(record, reason);
            continue;
        }
        for (std::size_t c = 0; c < row_.size(); c++)
            row_[c] = standardise(reader_.values()[c], model_.channel_mean[c], model_.channel_scale[c]);
        assembler_.add(record, row_, [&](const Assembler::Window& window) { wait(window, record); });
        if (waiting_.size() >= waiting_max || waiting_cells_ >= waiting_cells_max) flush(sink);
    }
    flush(sink);
    counters_.streams_restarted = assembler_.restarted();
}

/// Puts the window's new rows behind those of the window before it, if that one waits too.
void WindowConvolution::wait(const Assembler::Window& window, const InputRecord& record) {
    const WindowShape& shape = model_.shape.windows;
    std::size_t new_rows = shape.window, index = 0;
    const auto [open, is_new] = open_segments_.try_emplace(window.stream_serial, segments_.size());
    if (is_new || shape.stride > shape.window) {
        open->second = segments_.size();
        segments_.emplace_back();
    } else {
        new_rows = shape.stride;
        index = segments_[open->second].windows;
    }
    Segment& segment = segments_[open->second];
    const auto cells = window.cells.last(new_rows * shape.channels);
    segment.rows.insert(segment.rows.end(), cells.begin(), cells.end());
    segment.windows++;
    waiting_cells_ += cells.size();

    Point point;
    point.key = std::to_string(window.first.partition);
    point.key.append("/").append(record.stream).append("/").append(std::to_string(window.first.offset));
    point.time_us = reader_.time_us().value_or(record.received_us);
    point.partition = record.partition;
    point.offset = record.offset;
    point.received_us = record.received_us;
    waiting_.push_back({std::move(point), open->second, index});
}

void WindowConvolution::flush(PointSink& sink) {
    if (waiting_.empty()) return;
    features_.measure(segments_, measured_);
    std::vector<std::size_t> first_of_segment;
    std::size_t window_count = 0;
    for (const Segment& segment : segments_) {
        first_of_segment.push_back(window_count);
        window_count += segment.windows;
    }
    for (Waiting& waiting : waiting_) {
        const std::size_t number = first_of_segment[waiting.segment] + waiting.index;
        projection_.project(measured_.data() + number * features_.size(), place_);
        Point& point = waiting.point;
        point.vector.assign(place_.values.begin(),
                            place_.values.begin() + static_cast<std::ptrdiff_t>(model_.shape.dimensions));
        point.attributes = attributes(waiting, place_);
        counters_.points++;
        sink.point(std::move(point));
    }
    waiting_.clear();
    segments_.clear();
    open_segments_.clear();
    waiting_cells_ = 0;
}

std::vector<Value> WindowConvolution::attributes(const Waiting& waiting, const Coordinates& place) const {
    const auto& [window, stride, channels] = model_.shape.windows;
    const auto rows = std::span(segments_[waiting.segment].rows)
                          .subspan(waiting.index * stride * channels, window * channels);
    std::vector<Value> values;
    values.reserve(attributes_.size());
    for (const WindowAttribute& attribute : attributes_) {
        if (attribute.kind == WindowAttribute::Kind::score)
            values.emplace_back(static_cast<double>(neighbours_.distance(place) / model_.score_unit));
        else
            values.emplace_back(window_statistic(attribute, rows, channels,
                                                 model_.channel_mean[attribute.channel],
                                                 model_.channel_scale[attribute.channel]));
    }
    return values;
}

std::vector<std::byte> WindowConvolution::save_state() const {
    ByteWriter writer;
    writer.number(window_state_magic);
    for (const std::size_t number :
         {model_.shape.windows.window, model_.shape.windows.stride, model_.shape.windows.channels})
        writer.number(static_cast<std::uint64_t>(number));
    writer.number(counters_.records);
    writer.number(counters_.points);
    writer.number(counters_.rejected);
    assembler_.save(writer);
    return std::move(writer).take();
}

/// Up to where the assembler's streams begin.
Counters WindowConvolution::read_head(ByteReader& reader) const {
    reader.expect(window_state_magic);
    for (const std::size_t number :
         {model_.shape.windows.window, model_.shape.windows.stride, model_.shape.windows.channels})
        reader.expect(static_cast<std::uint64_t>(number));
    Counters counters;
    counters.records = reader.number<std::uint64_t>();
    counters.points = reader.number<std::uint64_t>();
    counters.rejected = reader.number<std::uint64_t>();
    return counters;
}

void WindowConvolution::load_state(std::span<const std::byte> state) {
    ByteReader reader(state, "saved state");
    Counters counters = read_head(reader);
    assembler_.load(reader);
    reader.expect_end();
    counters.streams_restarted = assembler_.restarted();
    counters_ = counters;
}

void WindowConvolution::inherit(std::span<const std::byte> state,
                                const std::function<bool(std::string_view)>& is_inherited) {
    ByteReader reader(state, "saved state of an earlier partition");
    read_head(reader);
    assembler_.inherit(reader, is_inherited);
    reader.expect_end();
    counters_.streams_restarted = assembler_.restarted();
}

WindowFitter::WindowFitter(const manifest::Manifest& manifest)
    : shape_(window_model_shape(manifest)), reader_(manifest.input),
      assembler_(shape_.windows, state_bytes_max - state_head_bytes) {}

bool WindowFitter::add(std::span<const InputRecord> records) {
    for (const InputRecord& record : records) {
        if (windows_seen() == windows_needed()) break;
        if (!can_use_stream(record) || !reader_.read(record).empty()) continue; // Processing will reject it.
        has_used_records_ = true;
        assembler_.add(record, reader_.values(), [&](const WindowAssembler<double>::Window& window) {
            windows_.cells.insert(windows_.cells.end(), window.cells.begin(), window.cells.end());
            windows_.places.push_back({window.stream_serial, window.first_row});
        });
    }
    return windows_seen() == windows_needed();
}

std::vector<std::byte> WindowFitter::artefact() const {
    if (windows_seen() != windows_needed())
        throw Error("55000", "", "not enough windows to fit",
                    std::to_string(windows_seen()) + " of " + std::to_string(windows_needed()) +
                        " are there.");
    return fit_window_model(shape_, windows_).encode();
}

} // namespace soup::processors
