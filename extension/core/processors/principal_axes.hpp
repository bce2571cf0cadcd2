// Principal component analysis for fitting: the leading axes of a small, centred matrix.
//
// Samples × features are at most a few thousand by 1,000, so the decomposition is that of the smaller of XᵀX
// and XXᵀ. Two things make the result one and the same everywhere: each axis is turned so that its component
// of largest size is positive (the first such, at a tie), and Eigen is told one set of cache sizes, because
// the order in which its matrix product adds depends on those it finds.
#pragma once

#include "core/processors/projection.hpp"

#include <Eigen/Core>

namespace soup::processors {

struct PrincipalAxes {
    Eigen::MatrixXd axes;      ///< features × dimensions, leading axis first; zero columns beyond the rank.
    Eigen::VectorXd variances; ///< Of the samples along each axis, population form.
};

/// To be called before any Eigen product whose result is kept.
void fix_product_order();

/// `samples` has one sample a row and columns of mean 0.
PrincipalAxes principal_axes(const Eigen::MatrixXd& samples, Eigen::Index dimensions);

/// Standardises the columns of `block` in place and appends how to reduction.mean and .factor. A column that
/// varies less than `least_deviation` is divided by that instead.
void standardise_columns(Eigen::Ref<Eigen::MatrixXd> block, double least_deviation, Reduction& reduction);
/// Sets reduction.axes to the principal axes of the standardised samples.
void add_axes(const Eigen::MatrixXd& samples, std::size_t dimensions, Reduction& reduction);

/// Variance along the leading axis alone, by power iteration.
double leading_variance(const Eigen::MatrixXd& samples);

} // namespace soup::processors
