// vtree's handler, and the check of operator classes.
#include "tree/handler.hpp"
#include "vtree/cost.hpp"
#include "vtree/method.hpp"
#include "vtree/options.hpp"
#include "vtree/query.hpp"
#include "vtree/scan.hpp"

extern "C" {
#include "utils/lsyscache.h"
}

namespace soup::vtree {
namespace {

/// amvalidate: boxes, balls and the distance between two of the class's own type. Server code.
bool validate_class(Oid number) {
    const auto [family, type] = tree::operator_class(number);
    return OidIsValid(get_opfamily_member(family, type, type, Strategy::nearest));
}

} // namespace
} // namespace soup::vtree

using namespace soup;

SOUP_FUNCTION(svec_vtree_handler) {
    IndexAmRoutine* routine = tree::make_routine<vtree::vtree_method>();
    routine->amstrategies = vtree::strategies;
    routine->amcanorderbyop = true;
    routine->amcostestimate = vtree::estimate_cost;
    routine->amoptions = vtree::parse_options;
    routine->amvalidate = vtree::validate_class;
    routine->amcanreturn = vtree::can_return;
    routine->ambeginscan = vtree::begin_scan;
    routine->amrescan = vtree::rescan;
    routine->amgettuple = vtree::next_row;
    routine->amgetbitmap = vtree::all_rows;
    routine->amendscan = vtree::end_scan;
    PG_RETURN_POINTER(routine);
}
