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
    if (wanted.probes > 0) settings.probes = static_cast<unsigned>(wanted.probes);
    if (wanted.rerank > 0) settings.rerank = static_cast<unsigned>(wanted.rerank);
    settings.max_pages = static_cast<std::size_t>(wanted.max_pages);
    return settings;
}

bool wants_strict_order() noexcept {
    return loader::vector_loader().vann->order == static_cast<int>(loader::RowOrder::strict);
}

} // namespace soup::vann
