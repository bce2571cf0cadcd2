// The storage parameters of an index.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace soup::vtree {

/// amoptions.
bytea* parse_options(Datum options, bool validate);
/// How full a build makes pages, 0 … 1.
double fill_of(Relation index) noexcept;

} // namespace soup::vtree
