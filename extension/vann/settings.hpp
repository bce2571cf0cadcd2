// The settings of a session and the storage parameters of an index.
#pragma once

#include "core/vann/search.hpp"
#include "loader/soupvec_loader.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace soup::vann {

/// amoptions.
bytea* parse_options(Datum options, bool validate);
/// How full a build makes leaves, 0 … 1.
double fill_of(Relation index) noexcept;

/// What a search of this session begins with, from what the index's own measurements say.
SearchSettings search_settings(const Calibration& calibration) noexcept;
bool wants_strict_order() noexcept;
/// How many rows a search has to compare by their own vectors; 0: the index's order will do. The codes alone
/// cannot reach every recall on every set: where they measured less than is wanted, the rows decide.
std::size_t exact_rows(const Parameters& parameters, const SearchSettings& settings) noexcept;

} // namespace soup::vann
