// See window_fit.hpp.
#include "core/processors/window_fit.hpp"

#include "core/processors/principal_axes.hpp"
#include "core/processors/neighbour_score.hpp"

#include <algorithm>
#include <cmath>

namespace soup::processors {
namespace {

/// Fit windows whose outputs a bias's quantile is taken from.
constexpr std::size_t bias_windows_max = 64;
/// A deviation below this share of the mean is rounding noise: the channel is constant.
constexpr double constant_channel = 1e-9;
/// Least deviation of a level or spread, in the channel's own deviations: what never changed in the fit
/// windows may not turn a tiny change later into an astronomic number.
constexpr double least_level_deviation = 1e-3;
/// Nothing less is a change of a count.
constexpr double least_count_deviation = 1e-6;

/// The place of the i-th of `chosen` evenly spread among `count`.
std::size_t evenly(std::size_t i, std::size_t chosen, std::size_t count) {
    return i * count / chosen;
}

void fit_channels(WindowModel& model, const FitWindows& fit) {
    const std::size_t channels = model.shape.windows.channels, rows = fit.cells.size() / channels;
    for (std::size_t c = 0; c < channels; c++) {
        double mean = 0, squares = 0;
        for (std::size_t row = 0; row < rows; row++)
            mean += fit.cells[row * channels + c] / static_cast<double>(rows);
        for (std::size_t row = 0; row < rows; row++) {
            const double deviation = fit.cells[row * channels + c] - mean;
            squares += deviation * deviation / static_cast<double>(rows);
        }
        const double deviation = std::sqrt(squares);
        const bool is_usable = std::isfinite(deviation) && deviation > constant_channel * std::abs(mean);
        model.channel_mean.push_back(std::isfinite(mean) ? mean : 0);
        model.channel_scale.push_back(is_usable ? deviation : 1);
    }
}

/// Each fit window as a segment of its own, standardised.
std::vector<Segment> standardised_windows(const WindowModel& model, const FitWindows& fit) {
    const auto& [window, stride, channels] = model.shape.windows;
    std::vector<Segment> segments(fit.places.size());
    const double* cell = fit.cells.data();
    for (Segment& segment : segments) {
        segment.windows = 1;
        segment.rows.reserve(window * channels);
        for (std::size_t row = 0; row < window; row++)
            for (std::size_t c = 0; c < channels; c++)
                segment.rows.push_back(standardise(*cell++, model.channel_mean[c], model.channel_scale[c]));
    }
    return segments;
}

/// Quantiles of a kernel's outputs, at places that the golden ratio spreads over (0, 1) as features go by.
void fit_biases(WindowModel& model, const std::vector<BankSlot>& slots, std::span<const Segment> windows) {
    const double golden = 0.6180339887498949;
    const auto& [window, stride, channels] = model.shape.windows;
    const std::size_t chosen = std::min(bias_windows_max, windows.size());
    model.biases.resize(model.shape.bank_features);
    std::vector<float> mixed(chosen * window), outputs, pool;
    for (const BankSlot& slot : slots) {
        for (std::size_t i = 0; i < chosen; i++)
            mix_channels(slot, channels, windows[evenly(i, chosen, windows.size())].rows.data(), window,
                         mixed.data() + i * window);
        for (std::size_t kernel = 0; kernel < kernel_count; kernel++) {
            pool.clear();
            for (std::size_t i = 0; i < chosen; i++) {
                kernel_outputs(std::span(mixed).subspan(i * window, window), slot.dilation, kernel, outputs);
                pool.insert(pool.end(), outputs.begin(), outputs.end());
            }
            for (std::size_t b = 0; b < slot.biases_per_kernel; b++) {
                const std::size_t feature = slot.first_feature + kernel * slot.biases_per_kernel + b;
                double share = static_cast<double>(feature + 1) * golden;
                share -= static_cast<double>(static_cast<std::uint64_t>(share));
                const auto rank = static_cast<std::size_t>(share * static_cast<double>(pool.size()));
                const auto at = pool.begin() + static_cast<std::ptrdiff_t>(std::min(rank, pool.size() - 1));
                std::nth_element(pool.begin(), at, pool.end());
                model.biases[feature] = *at;
            }
        }
    }
}

/// Makes the two blocks of features vary equally along their leading axes.
void balance_blocks(WindowModel& model, Eigen::MatrixXd& samples) {
    const auto counts = static_cast<Eigen::Index>(model.shape.bank_features);
    const Eigen::Index levels = samples.cols() - counts;
    const double of_counts = leading_variance(samples.leftCols(counts));
    const double of_levels = leading_variance(samples.rightCols(levels));
    if (!(of_counts > 0) || !(of_levels > 0)) return;
    const auto weight = static_cast<float>(std::sqrt(of_counts / of_levels));
    samples.rightCols(levels) *= static_cast<double>(weight);
    auto& factor = model.reduction.factor;
    for (auto f = static_cast<std::size_t>(counts); f < factor.size(); f++)
        factor[f] *= weight;
}

void fit_axes(WindowModel& model, Eigen::MatrixXd& samples) {
    const auto bank = static_cast<Eigen::Index>(model.shape.bank_features);
    standardise_columns(samples.leftCols(bank), least_count_deviation, model.reduction);
    standardise_columns(samples.rightCols(samples.cols() - bank), least_level_deviation, model.reduction);
    balance_blocks(model, samples);
    add_axes(samples, model.shape.dimensions, model.reduction);
}

/// References, and the unit in which scores are given.
void fit_score(WindowModel& model, const FitWindows& fit, const std::vector<float>& features) {
    const std::size_t count = model.shape.references(), feature_count = model.shape.features();
    const std::size_t window = model.shape.windows.window;
    const auto reference = [&](std::size_t r) { return evenly(r, count, fit.places.size()); };
    Projection projection(model.reduction);
    std::vector<Coordinates> places(count);
    for (std::size_t r = 0; r < count; r++) {
        projection.project(features.data() + reference(r) * feature_count, places[r]);
        const auto first = places[r].values.begin();
        model.references.insert(model.references.end(), first,
                                first + static_cast<std::ptrdiff_t>(model.shape.dimensions));
    }
    const NeighbourScore neighbours(model.references, model.shape.dimensions);
    std::vector<float> distances;
    for (std::size_t r = 0; r < count; r++) {
        const auto& own = fit.places[reference(r)];
        distances.push_back(neighbours.distance(places[r], [&](std::size_t other) {
            const auto& place = fit.places[reference(other)];
            return place.stream_serial != own.stream_serial || place.first_row >= own.first_row + window ||
                   own.first_row >= place.first_row + window;
        }));
    }
    const auto median = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
    std::nth_element(distances.begin(), median, distances.end());
    model.score_unit = *median > 0 ? *median : 1;
}

} // namespace

WindowModel fit_window_model(const WindowModelShape& shape, const FitWindows& fit) {
    WindowModel model;
    model.shape = shape;
    fit_channels(model, fit);
    const std::vector<Segment> windows = standardised_windows(model, fit);
    std::vector<BankSlot> slots =
        plan_bank(shape.windows.window, shape.windows.channels, shape.bank_features);
    fit_biases(model, slots, windows);

    WindowFeatures measure(shape.windows, std::move(slots), model.biases);
    std::vector<float> features, some;
    const std::size_t at_once = 64;
    for (std::size_t first = 0; first < windows.size(); first += at_once) {
        measure.measure(std::span(windows).subspan(first, std::min(at_once, windows.size() - first)), some);
        features.insert(features.end(), some.begin(), some.end());
    }
    using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    Eigen::MatrixXd samples =
        Eigen::Map<const RowMajor>(features.data(), static_cast<Eigen::Index>(windows.size()),
                                   static_cast<Eigen::Index>(shape.features()))
            .cast<double>();
    fit_axes(model, samples);
    fit_score(model, fit, features);
    return model;
}

} // namespace soup::processors
