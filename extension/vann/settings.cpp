// Settings are the loader's; an explicit number overrules what the wanted recall would choose.
#include "vann/settings.hpp"

#include "core/vann/calibration.hpp"

extern "C" {
#include "access/reloptions.h"
}

namespace soup::vann {
namespace {

/// As the relation cache keeps it.
struct Options {
    std::int32_t header;
    int fill_percent;
};
constexpr int fill_percent_default = 70;

/// The nearest rows are among so many that are nearest by their codes, on all sets that were looked at; the
/// measurements look as deep.
constexpr std::size_t exact_rows_default = 40;
/// By so much a measured recall may miss the wanted one before the rows are asked.
constexpr double recall_tolerance = 0.005;

} // namespace

bytea* parse_options(Datum options, bool validate) {
    static const relopt_parse_elt fields[] = {
        {"fillfactor", RELOPT_TYPE_INT, offsetof(Options, fill_percent)}};
    return static_cast<bytea*>(
        build_reloptions(options, validate, static_cast<relopt_kind>(loader::vector_loader().vann_options),
                         sizeof(Options), fields, static_cast<int>(std::size(fields))));
}

double fill_of(Relation index) noexcept {
    const auto* options = reinterpret_cast<const Options*>(index->rd_options);
    return (options != nullptr ? options->fill_percent : fill_percent_default) / 100.0;
}

SearchSettings search_settings(const Calibration& calibration) noexcept {
    const loader::VannSettings& wanted = *loader::vector_loader().vann;
    SearchSettings settings = settings_for(calibration, wanted.recall);
    if (wanted.probes > 0) {
        settings.probes = static_cast<unsigned>(wanted.probes);
        settings.reach.reset();
    }
    if (wanted.rerank > 0) settings.rerank = static_cast<unsigned>(wanted.rerank);
    settings.max_pages = static_cast<std::size_t>(wanted.max_pages);
    return settings;
}

std::size_t exact_rows(const Parameters& parameters, const SearchSettings& settings) noexcept {
    // The taxicab distance is not in the codes at all: its nearest are among the nearest by Euclidean
    // distance, roughly, so the window is as wide as what the search ranks at first.
    if (parameters.metric == Metric::l1) return settings.rerank;
    const Calibration& calibration = parameters.calibration;
    if (calibration.rows == 0) return 0;
    const double wanted = loader::vector_loader().vann->recall;
    for (std::size_t i = 0; i < recall_targets.size(); ++i) {
        if (recall_targets[i] < wanted - 1e-6 && i + 1 < recall_targets.size()) continue;
        const double reached = calibration.settings[i].measured_recall;
        return reached < std::min<double>(wanted, recall_targets[i]) - recall_tolerance ? exact_rows_default
                                                                                        : 0;
    }
    return 0;
}

bool wants_strict_order() noexcept {
    return loader::vector_loader().vann->order == static_cast<int>(loader::RowOrder::strict);
}

} // namespace soup::vann
