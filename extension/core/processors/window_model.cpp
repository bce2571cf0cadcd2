// See window_model.hpp.
#include "core/processors/window_model.hpp"

#include "core/processors/byte_stream.hpp"

#include <algorithm>
#include <array>

namespace soup::processors {
namespace {

constexpr std::array<char, 8> window_model_magic = {'s', 'o', 'u', 'p', 'w', 'c', 'n', 'v'};
/// Changes whenever the bytes or their meaning do; older artefacts are then refused, never misread.
constexpr std::uint32_t window_model_version = 1;

void write_shape(ByteWriter& writer, const WindowModelShape& shape) {
    for (const std::size_t number : {shape.windows.window, shape.windows.stride, shape.windows.channels,
                                     shape.bank_features, shape.dimensions, shape.fit_windows})
        writer.number(static_cast<std::uint64_t>(number));
}

template<typename T>
void write(ByteWriter& writer, const std::vector<T>& values) {
    writer.numbers(std::span<const T>(values));
}

} // namespace

std::vector<std::byte> WindowModel::encode() const {
    ByteWriter writer;
    for (const char letter : window_model_magic)
        writer.number(letter);
    writer.number(window_model_version);
    write_shape(writer, shape);
    write(writer, channel_mean);
    write(writer, channel_scale);
    write(writer, biases);
    write(writer, reduction.mean);
    write(writer, reduction.factor);
    write(writer, reduction.axes);
    write(writer, references);
    writer.number(score_unit);
    return std::move(writer).take();
}

WindowModel WindowModel::decode(std::span<const std::byte> artefact, const WindowModelShape& expected) {
    ByteReader reader(artefact, "artefact");
    for (const char letter : window_model_magic)
        reader.expect(letter);
    reader.expect(window_model_version);
    for (const std::size_t number :
         {expected.windows.window, expected.windows.stride, expected.windows.channels, expected.bank_features,
          expected.dimensions, expected.fit_windows})
        reader.expect(static_cast<std::uint64_t>(number));
    WindowModel model;
    model.shape = expected;
    const std::size_t channels = expected.windows.channels, features = expected.features();
    model.channel_mean = reader.finite_numbers<double>(channels);
    model.channel_scale = reader.finite_numbers<double>(channels);
    model.biases = reader.finite_numbers<float>(expected.bank_features);
    model.reduction.mean = reader.finite_numbers<float>(features);
    model.reduction.factor = reader.finite_numbers<float>(features);
    model.reduction.axes = reader.finite_numbers<float>(features * expected.dimensions);
    model.references = reader.finite_numbers<float>(expected.references() * expected.dimensions);
    model.score_unit = reader.number<float>();
    reader.expect_end();
    const auto is_positive = [](double value) { return value > 0; };
    if (!std::all_of(model.channel_scale.begin(), model.channel_scale.end(), is_positive) ||
        !(model.score_unit > 0 && model.score_unit - model.score_unit == 0))
        throw reader.bad();
    return model;
}

std::size_t WindowModel::encoded_bytes(const WindowModelShape& shape) {
    const std::size_t arrays = 7, length_bytes = sizeof(std::uint64_t);
    const std::size_t floats = shape.bank_features + 2 * shape.features() +
                               shape.features() * shape.dimensions + shape.references() * shape.dimensions +
                               1;
    return window_model_magic.size() + sizeof window_model_version + 6 * sizeof(std::uint64_t) +
           arrays * length_bytes + 2 * shape.windows.channels * sizeof(double) + floats * sizeof(float);
}

float standardise(double value, double mean, double scale) {
    return static_cast<float>(std::clamp((value - mean) / scale, -cell_limit, cell_limit));
}

} // namespace soup::processors
