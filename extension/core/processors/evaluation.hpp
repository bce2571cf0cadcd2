// How good is a score? ROC-AUC and rank correlation, as tests, benches and the demo print them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace soup::processors {

/// Area under the ROC curve: the chance that a labelled item scores above an unlabelled one, ties counting
/// half. Nothing when one of the two kinds is missing. Scores must not be NaN; both spans have the same
/// length.
std::optional<double> roc_auc(std::span<const double> scores, std::span<const std::uint8_t> labels);

/// Spearman's rank correlation, ties sharing their mean rank. Nothing when either side is constant.
std::optional<double> rank_correlation(std::span<const double> left, std::span<const double> right);

} // namespace soup::processors
