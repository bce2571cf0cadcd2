// See principal_axes.hpp.
#include "core/processors/principal_axes.hpp"

#include <Eigen/Dense>
#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>

namespace soup::processors {
namespace {

/// Eigenvalues below this share of the largest are rounding noise: no axis.
constexpr double rank_tolerance = 1e-10;

void turn_positive(Eigen::Ref<Eigen::VectorXd> axis) {
    Eigen::Index largest = 0;
    for (Eigen::Index i = 1; i < axis.size(); i++)
        if (std::abs(axis[i]) > std::abs(axis[largest])) largest = i;
    if (axis[largest] < 0) axis = -axis;
}

} // namespace

void fix_product_order() {
    const std::ptrdiff_t first_level = 32 << 10, second_level = 256 << 10, third_level = 2 << 20;
    Eigen::setCpuCacheSizes(first_level, second_level, third_level);
}

PrincipalAxes principal_axes(const Eigen::MatrixXd& samples, Eigen::Index dimensions) {
    fix_product_order();
    const auto sample_count = static_cast<double>(samples.rows());
    const bool by_features = samples.cols() <= samples.rows();
    Eigen::MatrixXd product;
    if (by_features)
        product.noalias() = samples.transpose() * samples;
    else
        product.noalias() = samples * samples.transpose();
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(product);

    PrincipalAxes result{Eigen::MatrixXd::Zero(samples.cols(), dimensions),
                         Eigen::VectorXd::Zero(dimensions)};
    const Eigen::Index available = std::min(dimensions, product.rows());
    const double least = rank_tolerance * std::max(0.0, solver.eigenvalues()[product.rows() - 1]);
    for (Eigen::Index d = 0; d < available; d++) {
        const Eigen::Index from = product.rows() - 1 - d; // The solver's order is ascending.
        const double eigenvalue = solver.eigenvalues()[from];
        if (!(eigenvalue > least)) break;
        auto axis = result.axes.col(d);
        if (by_features)
            axis = solver.eigenvectors().col(from);
        else
            axis.noalias() = samples.transpose() * solver.eigenvectors().col(from);
        axis /= std::sqrt(axis.squaredNorm());
        turn_positive(axis);
        result.variances[d] = eigenvalue / sample_count;
    }
    return result;
}

void standardise_columns(Eigen::Ref<Eigen::MatrixXd> block, double least_deviation, Reduction& reduction) {
    for (Eigen::Index column = 0; column < block.cols(); column++) {
        auto values = block.col(column);
        // Rounded first, so that the fit sees exactly the features that processing will.
        const auto mean = static_cast<float>(values.mean());
        values.array() -= static_cast<double>(mean);
        const double deviation = std::sqrt(values.squaredNorm() / static_cast<double>(values.size()));
        const auto factor = static_cast<float>(1 / std::max(deviation, least_deviation));
        values *= static_cast<double>(factor);
        reduction.mean.push_back(mean);
        reduction.factor.push_back(factor);
    }
}

void add_axes(const Eigen::MatrixXd& samples, std::size_t dimensions, Reduction& reduction) {
    const auto axes = principal_axes(samples, static_cast<Eigen::Index>(dimensions)).axes;
    reduction.axes.reserve(static_cast<std::size_t>(axes.size()));
    for (Eigen::Index f = 0; f < axes.rows(); f++)
        for (Eigen::Index d = 0; d < axes.cols(); d++)
            reduction.axes.push_back(static_cast<float>(axes(f, d)));
}

double leading_variance(const Eigen::MatrixXd& samples) {
    // A weight needs two digits; close eigenvalues, which converge slowly, are close in value too.
    const int rounds = 64;
    Eigen::VectorXd axis = Eigen::VectorXd::Ones(samples.cols()), image(samples.rows());
    for (Eigen::Index i = 0; i < axis.size(); i++)
        axis[i] += 1.0 / static_cast<double>(i + 2); // Not along a symmetry.
    axis /= std::sqrt(axis.squaredNorm());
    double variance = 0;
    for (int round = 0; round < rounds; round++) {
        image.noalias() = samples * axis;
        axis.noalias() = samples.transpose() * image;
        const double length = std::sqrt(axis.squaredNorm());
        if (length == 0) return 0;
        axis /= length;
        variance = length / static_cast<double>(samples.rows());
    }
    return variance;
}

} // namespace soup::processors
