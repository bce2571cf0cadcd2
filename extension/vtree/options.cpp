// The kind of storage parameters is the loader's; what an index without any gets is decided here.
#include "vtree/options.hpp"

#include "loader/soupvec_loader.hpp"

extern "C" {
#include "access/reloptions.h"
}

namespace soup::vtree {
namespace {

/// As the relation cache keeps it.
struct VtreeOptions {
    std::int32_t header;
    int fill_percent;
};
constexpr int fill_percent_default = 90;

} // namespace

bytea* parse_options(Datum options, bool validate) {
    static const relopt_parse_elt fields[] = {
        {"fillfactor", RELOPT_TYPE_INT, offsetof(VtreeOptions, fill_percent)}};
    return static_cast<bytea*>(
        build_reloptions(options, validate, static_cast<relopt_kind>(loader::vector_loader().vtree_options),
                         sizeof(VtreeOptions), fields, static_cast<int>(std::size(fields))));
}

double fill_of(Relation index) noexcept {
    const auto* options = reinterpret_cast<const VtreeOptions*>(index->rd_options);
    return (options != nullptr ? options->fill_percent : fill_percent_default) / 100.0;
}

} // namespace soup::vtree
