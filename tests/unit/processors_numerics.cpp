// The numeric parts under the processors: kernel bank against a plain loop, principal axes, projection, the
// figures.
#include "core/processors/baseline.hpp"
#include "core/processors/dilated_kernels.hpp"
#include "core/processors/evaluation.hpp"
#include "core/processors/neighbour_score.hpp"
#include "core/processors/principal_axes.hpp"
#include "core/processors/window_features.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace soup::processors {
namespace {

float test_cell(std::size_t i) {
    return static_cast<float>((i * 2654435761U) % 1009) / 500.0F - 1.0F;
}

/// Counts by the definition, one window and one output at a time.
std::vector<float> count_plainly(const WindowShape& shape, const std::vector<BankSlot>& slots,
                                 const std::vector<float>& biases, const std::vector<Segment>& segments) {
    std::vector<float> counts, mixed(shape.window), outputs;
    for (const Segment& segment : segments)
        for (std::size_t w = 0; w < segment.windows; w++)
            for (const BankSlot& slot : slots) {
                mix_channels(slot, shape.channels, segment.rows.data() + w * shape.stride * shape.channels,
                             shape.window, mixed.data());
                for (std::size_t kernel = 0; kernel < kernel_count; kernel++) {
                    kernel_outputs(mixed, slot.dilation, kernel, outputs);
                    for (std::size_t b = 0; b < slot.biases_per_kernel; b++) {
                        const float bias = biases[slot.first_feature + kernel * slot.biases_per_kernel + b];
                        counts.push_back(static_cast<float>(std::count_if(
                            outputs.begin(), outputs.end(), [&](float output) { return output > bias; })));
                    }
                }
            }
    return counts;
}

TEST(ProcessorsBank, kernels_have_three_places_each_and_sum_to_zero) {
    std::set<std::array<std::uint8_t, 3>> distinct(kernel_places().begin(), kernel_places().end());
    EXPECT_EQ(distinct.size(), kernel_count);
    for (const auto& places : kernel_places()) {
        EXPECT_TRUE(places[0] < places[1] && places[1] < places[2] && places[2] < kernel_length);
    }
    // Sum 0 in use: a constant signal gives 0 for every kernel.
    std::vector<float> outputs;
    for (std::size_t kernel = 0; kernel < kernel_count; kernel++) {
        kernel_outputs(std::vector<float>(20, 4.0F), 2, kernel, outputs);
        EXPECT_EQ(outputs, std::vector<float>(4, 0.0F));
    }
}

TEST(ProcessorsBank, a_kernel_weighs_its_places_with_2_and_the_others_with_minus_1) {
    std::vector<float> impulse(17, 0.0F), outputs;
    impulse[8] = 1;
    for (std::size_t kernel = 0; kernel < kernel_count; kernel++) {
        kernel_outputs(impulse, 1, kernel, outputs);
        const auto& places = kernel_places()[kernel];
        for (std::size_t i = 0; i < outputs.size(); i++) {
            const bool is_place = std::find(places.begin(), places.end(), 8 - i) != places.end();
            EXPECT_EQ(outputs[i], is_place ? 2.0F : -1.0F) << "kernel " << kernel << ", output " << i;
        }
    }
}

TEST(ProcessorsBank, plan_has_all_features_fits_the_window_and_covers_all_channels) {
    for (const std::size_t window : {9, 10, 16, 24, 96, 97, 288, 4096})
        for (const std::size_t channels : {1, 2, 8, 21, 300})
            for (const std::size_t features : {84, 100, 840, 999}) {
                const auto slots = plan_bank(window, channels, features);
                std::size_t count = 0;
                std::set<std::uint32_t> covered;
                for (const BankSlot& slot : slots) {
                    EXPECT_EQ(slot.first_feature, count);
                    count += slot.features();
                    ASSERT_GT(window, (kernel_length - 1) * slot.dilation);
                    if (window >= 12) {
                        EXPECT_GE(slot.outputs(window), window / 4);
                    }
                    ASSERT_EQ(slot.channels.size(), slot.signs.size());
                    covered.insert(slot.channels.begin(), slot.channels.end());
                    EXPECT_EQ(std::set(slot.channels.begin(), slot.channels.end()).size(),
                              slot.channels.size());
                }
                EXPECT_EQ(count, features / kernel_count * kernel_count);
                EXPECT_EQ(covered.size(), channels);
            }
}

TEST(ProcessorsBank, dilations_of_the_default_window_are_spread_on_a_logarithmic_scale) {
    std::vector<std::size_t> dilations, biases;
    for (const BankSlot& slot : plan_bank(96, 1, 840)) {
        dilations.push_back(slot.dilation);
        biases.push_back(slot.biases_per_kernel);
    }
    EXPECT_EQ(dilations, (std::vector<std::size_t>{1, 2, 3, 4, 5, 7, 9}));
    EXPECT_EQ(biases, (std::vector<std::size_t>{3, 2, 1, 1, 1, 1, 1}));
}

/// Every relation of stride, window and the lanes' width, with segments of one and of many windows.
TEST(ProcessorsBank, counts_equal_those_of_a_plain_loop) {
    for (const std::size_t window : {9, 13, 24, 96, 200})
        for (const std::size_t stride : {std::size_t{1}, std::size_t{7}, std::size_t{16}, window, window + 5})
            for (const std::size_t channels : {1, 3}) {
                const WindowShape shape{window, stride, channels};
                const auto slots = plan_bank(window, channels, 420);
                std::vector<float> biases(420);
                for (std::size_t f = 0; f < biases.size(); f++)
                    biases[f] = test_cell(f * 7) * 2;
                std::vector<Segment> segments;
                for (const std::size_t windows : {1, 2, 5, 1, 11}) {
                    if (stride > window && windows > 1) continue; // Such windows never share a segment.
                    Segment segment;
                    segment.windows = windows;
                    for (std::size_t i = 0; i < (window + (windows - 1) * stride) * channels; i++)
                        segment.rows.push_back(test_cell(i + segments.size() * 1000));
                    segments.push_back(std::move(segment));
                }
                const auto expected = count_plainly(shape, slots, biases, segments);
                KernelBank bank(window, stride, channels, slots, biases);
                std::vector<float> counts(expected.size());
                for (int again = 0; again < 2; again++) { // The second time with used working space.
                    bank.count(segments, counts.data(), biases.size());
                    ASSERT_EQ(counts, expected) << window << " " << stride << " " << channels;
                }
            }
}

TEST(ProcessorsBank, levels_are_mean_and_standard_deviation_of_each_channel) {
    const WindowShape shape{12, 4, 2};
    Segment segment;
    segment.windows = 3;
    for (std::size_t i = 0; i < std::size_t{20} * 2; i++)
        segment.rows.push_back(test_cell(i));
    WindowFeatures features(shape, plan_bank(12, 2, 84), std::vector<float>(84, 0.0F));
    std::vector<float> measured;
    features.measure(std::span(&segment, 1), measured);
    ASSERT_EQ(measured.size(), 3 * (84 + 4U));
    for (std::size_t w = 0; w < 3; w++)
        for (std::size_t c = 0; c < 2; c++) {
            double mean = 0, squares = 0;
            for (std::size_t row = 0; row < 12; row++)
                mean += segment.rows[(w * 4 + row) * 2 + c] / 12.0;
            for (std::size_t row = 0; row < 12; row++)
                squares += std::pow(segment.rows[(w * 4 + row) * 2 + c] - mean, 2) / 12;
            EXPECT_NEAR(measured[w * 88 + 84 + 2 * c], mean, 1e-5);
            EXPECT_NEAR(measured[w * 88 + 84 + 2 * c + 1], std::sqrt(squares), 1e-5);
        }
}

/// Both ways of decomposing (fewer samples than features, and more) against the definition.
TEST(ProcessorsAxes, axes_are_orthonormal_ordered_and_carry_their_variance) {
    for (const auto& [rows, columns] : {std::pair<Eigen::Index, Eigen::Index>{12, 30}, {60, 7}}) {
        Eigen::MatrixXd samples(rows, columns);
        for (Eigen::Index i = 0; i < samples.size(); i++)
            samples.data()[i] = static_cast<double>(test_cell(static_cast<std::size_t>(i))) *
                                static_cast<double>(1 + i / rows % 5);
        samples.rowwise() -= samples.colwise().mean();
        const auto [axes, variances] = principal_axes(samples, 5);
        EXPECT_LT((axes.transpose() * axes - Eigen::MatrixXd::Identity(5, 5)).norm(), 1e-9);
        for (Eigen::Index d = 0; d < 5; d++) {
            const double along = (samples * axes.col(d)).squaredNorm() / static_cast<double>(rows);
            EXPECT_NEAR(along, variances[d], 1e-9 * along);
            if (d > 0) {
                EXPECT_GE(variances[d - 1], variances[d]);
            }
            Eigen::Index largest = 0;
            axes.col(d).cwiseAbs().maxCoeff(&largest);
            EXPECT_GT(axes(largest, d), 0);
        }
        // Close eigenvalues converge slowly; a block's weight needs no more than this.
        EXPECT_NEAR(leading_variance(samples), variances[0], 0.02 * variances[0]);
    }
}

TEST(ProcessorsAxes, beyond_the_rank_axes_are_zero) {
    Eigen::MatrixXd samples(4, 6);
    for (Eigen::Index row = 0; row < 4; row++)
        samples.row(row).setConstant(static_cast<double>(row) - 1.5);
    const auto [axes, variances] = principal_axes(samples, 3);
    EXPECT_GT(variances[0], 0);
    EXPECT_EQ(axes.rightCols(2).norm(), 0);
    EXPECT_EQ(principal_axes(Eigen::MatrixXd::Zero(4, 6), 3).axes.norm(), 0);
    EXPECT_EQ(leading_variance(Eigen::MatrixXd::Zero(4, 6)), 0);
}

TEST(ProcessorsProjection, gives_the_product_with_the_axes_and_what_they_leave_over) {
    const std::size_t features = 11;
    for (const std::size_t dimensions : {1, 3, 32, 33}) {
        Reduction reduction;
        for (std::size_t f = 0; f < features; f++) {
            reduction.mean.push_back(test_cell(f));
            reduction.factor.push_back(1.5F);
        }
        for (std::size_t i = 0; i < features * dimensions; i++)
            reduction.axes.push_back(test_cell(i + 50) / 20);
        std::vector<float> row;
        row.reserve(features);
        for (std::size_t f = 0; f < features; f++)
            row.push_back(test_cell(f + 900));
        Coordinates place;
        Projection(reduction).project(row.data(), place);
        ASSERT_EQ(place.values.size(), Projection::padded(dimensions));
        double squared = 0, held = 0;
        for (std::size_t f = 0; f < features; f++)
            squared += std::pow((row[f] - reduction.mean[f]) * 1.5, 2);
        for (std::size_t d = 0; d < place.values.size(); d++) {
            double expected = 0;
            for (std::size_t f = 0; d < dimensions && f < features; f++)
                expected += (row[f] - reduction.mean[f]) * 1.5 * reduction.axes[f * dimensions + d];
            EXPECT_NEAR(place.values[d], expected, 1e-5);
            held += expected * expected;
        }
        EXPECT_NEAR(place.left_over, squared - held, 1e-4);
    }
}

TEST(ProcessorsScore, is_the_mean_distance_to_the_five_nearest_references) {
    std::vector<float> references(10);
    std::iota(references.begin(), references.end(), 0.0F);
    const NeighbourScore score(references, 1);
    Coordinates window{std::vector<float>(Projection::padding, 0.0F), 0};
    window.values[0] = 20;
    EXPECT_FLOAT_EQ(score.distance(window), (11 + 12 + 13 + 14 + 15) / 5.0F);
    EXPECT_FLOAT_EQ(score.distance(window, [](std::size_t r) { return r < 2; }), (20 + 19) / 2.0F);
    EXPECT_EQ(score.distance(window, [](std::size_t) { return false; }), 0);
    window.values[0] = 9;
    window.left_over = 16;
    EXPECT_FLOAT_EQ(score.distance(window, [](std::size_t r) { return r == 9 || r == 6; }), (4 + 5) / 2.0F);
}

TEST(ProcessorsEvaluation, roc_auc_by_hand) {
    using Scores = std::vector<double>;
    using Labels = std::vector<std::uint8_t>;
    EXPECT_EQ(roc_auc(Scores{1, 2, 3, 4}, Labels{0, 0, 1, 1}), 1.0);
    EXPECT_EQ(roc_auc(Scores{4, 3, 2, 1}, Labels{0, 0, 1, 1}), 0.0);
    EXPECT_EQ(roc_auc(Scores{5, 5, 5, 5}, Labels{0, 1, 0, 1}), 0.5);
    EXPECT_EQ(roc_auc(Scores{1, 2, 2, 3}, Labels{0, 0, 1, 1}), 3.5 / 4);
    EXPECT_EQ(roc_auc(Scores{1, 2}, Labels{1, 1}), std::nullopt);
    EXPECT_EQ(roc_auc(Scores{1, 2}, Labels{0, 0}), std::nullopt);
    EXPECT_EQ(roc_auc(Scores{}, Labels{}), std::nullopt);
}

TEST(ProcessorsEvaluation, moving_average_residuals_by_hand) {
    // Ten rows that alternate between 1 and 3 have mean 2 and deviation 1; they have no residual themselves.
    std::vector<double> cells(baseline_rows_least + 1);
    for (std::size_t row = 0; row < baseline_rows_least; row++)
        cells[row] = row % 2 == 0 ? 1 : 3;
    cells.back() = 5;
    const std::vector<double> residuals = moving_average_residuals(cells, 1);
    ASSERT_EQ(residuals.size(), cells.size());
    EXPECT_EQ(std::count(residuals.begin(), residuals.end(), 0.0), 10);
    EXPECT_NEAR(residuals.back(), 3, 1e-9);

    // Of two channels the mean counts: 3, and 0 where the value is its average.
    std::vector<double> both;
    for (const double cell : cells)
        both.insert(both.end(), {cell, cell == 5 ? 2 : cell});
    EXPECT_NEAR(moving_average_residuals(both, 2).back(), 1.5, 1e-9);

    // Only the 96 rows before a row count.
    std::vector<double> long_ago(1, 1e6);
    for (std::size_t row = 0; row < baseline_rows; row++)
        long_ago.push_back(row % 2 == 0 ? 1 : 3);
    long_ago.push_back(5);
    EXPECT_NEAR(moving_average_residuals(long_ago, 1).back(), 3, 1e-9);
}

TEST(ProcessorsEvaluation, rank_correlation_by_hand) {
    using Values = std::vector<double>;
    EXPECT_DOUBLE_EQ(rank_correlation(Values{1, 2, 3}, Values{10, 200, 3000}).value(), 1.0);
    EXPECT_DOUBLE_EQ(rank_correlation(Values{1, 2, 3}, Values{3, 2, 1}).value(), -1.0);
    EXPECT_DOUBLE_EQ(rank_correlation(Values{1, 2, 3, 4}, Values{1, 3, 2, 4}).value(), 0.8);
    EXPECT_EQ(rank_correlation(Values{1, 1, 1}, Values{1, 2, 3}), std::nullopt);
}

} // namespace
} // namespace soup::processors
