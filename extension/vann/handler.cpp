// vann's handler, the numbers of its metrics, and the check of operator classes.
#include "tree/handler.hpp"
#include "vann/cost.hpp"
#include "vann/key_columns.hpp"
#include "vann/method.hpp"
#include "vann/scan.hpp"
#include "vann/settings.hpp"

extern "C" {
#include "access/stratnum.h"
#include "utils/lsyscache.h"
}

namespace soup::vann {
namespace {

constexpr std::uint16_t strategies = BTMaxStrategyNumber, support_functions = 1;

/// amvalidate: a class for vectors has its ordering operator and its metric, one for a key column equality.
/// Server code.
bool validate(Oid number) {
    const auto [family, type] = tree::operator_class(number);
    if (OidIsValid(get_opfamily_proc(family, type, type, 1)))
        return OidIsValid(get_opfamily_member(family, type, type, 1));
    return OidIsValid(get_opfamily_member(family, type, type, BTEqualStrategyNumber));
}

} // namespace
} // namespace soup::vann

using namespace soup;

SOUP_FUNCTION(svec_vann_handler) {
    IndexAmRoutine* routine = tree::make_routine<vann::vann_method>();
    routine->amstrategies = vann::strategies;
    routine->amsupport = vann::support_functions;
    routine->amcanorderbyop = true;
    routine->amcanmulticol = true;
    routine->amsearcharray = true;
    routine->amcostestimate = vann::estimate_cost;
    routine->amoptions = vann::parse_options;
    routine->amvalidate = vann::validate;
    routine->ambeginscan = vann::begin_scan;
    routine->amrescan = vann::rescan;
    routine->amgettuple = vann::next_row;
    routine->amendscan = vann::end_scan;
    PG_RETURN_POINTER(routine);
}

SOUP_FUNCTION(svec_vann_l2) {
    PG_RETURN_INT32(static_cast<std::int32_t>(vann::Metric::l2));
}
SOUP_FUNCTION(svec_vann_inner_product) {
    PG_RETURN_INT32(static_cast<std::int32_t>(vann::Metric::inner_product));
}
SOUP_FUNCTION(svec_vann_cosine) {
    PG_RETURN_INT32(static_cast<std::int32_t>(vann::Metric::cosine));
}
SOUP_FUNCTION(svec_vann_l1) {
    PG_RETURN_INT32(static_cast<std::int32_t>(vann::Metric::l1));
}
