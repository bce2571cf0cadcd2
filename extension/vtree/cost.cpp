// Leaves are counted as boxes of equal size that tile the points' space: L leaves are c = L^(1/d) along each
// of d dimensions. A region with the share s of the points is s^(1/d) of the space's side, and so meets 1 +
// s^(1/d) · (c - 1) of the leaves along each: one where there is only one, all of them if it is everything.
// In few dimensions that is s·L and a rim. In many, where c is below two, even small regions meet a fair part
// of the leaves, and the planner reads the table instead.
//
// Nearest neighbours: the first comes after the leaves around one point, as many as a region with one leaf's
// share meets; from there on rows come evenly until the whole region has been read. The planner takes the
// part between that a LIMIT needs.
#include "vtree/cost.hpp"

#include "core/vtree/layout.hpp"
#include "tree/method.hpp"

extern "C" {
#include "access/genam.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"
}

namespace soup::vtree {
namespace {

Selectivity selectivity_of_path(PlannerInfo* root, const IndexPath* path) {
    List* conditions = get_quals_from_indexclauses(path->indexclauses);
    conditions = add_predicate_to_index_quals(path->indexinfo, conditions);
    return clauselist_selectivity(root, conditions, static_cast<int>(path->indexinfo->rel->relid), JOIN_INNER,
                                  nullptr);
}

double leaves_met(double share, double leaves, unsigned dimensions) {
    const double across = std::pow(leaves, 1.0 / dimensions);
    return std::pow(1 + std::pow(share, 1.0 / dimensions) * (across - 1), dimensions);
}

struct PageCosts {
    double random, sequential;
};

} // namespace

void estimate_cost(PlannerInfo* root, IndexPath* path, double loops, Cost* startup, Cost* total,
                   Selectivity* selectivity, double* correlation, double* pages) {
    pg::entry([&] {
        const IndexOptInfo& info = *path->indexinfo;
        *correlation = 0;
        *selectivity = pg::call([=] { return selectivity_of_path(root, path); });
        // Only one order at a time.
        if (list_length(path->indexorderbys) > 1) {
            *startup = *total = std::numeric_limits<double>::infinity();
            *pages = info.pages;
            return;
        }
        Relation index = pg::call([&] { return index_open(info.indexoid, NoLock); });
        const unsigned dimensions = tree::open_index(index)->meta.dimensions;
        pg::call([&] {
            index_close(index, NoLock);
            PageCosts page{};
            get_tablespace_page_costs(info.reltablespace, &page.random, &page.sequential);
            const double leaves = std::max(1.0, std::floor(info.pages * 0.99) - 2);
            const double met =
                path->indexclauses == NIL ? leaves : leaves_met(*selectivity, leaves, dimensions);
            const double inner = std::min(static_cast<double>(info.pages), 1 + met / 100);
            *pages = std::min(met + inner, static_cast<double>(info.pages));
            // Repeated scans find in memory what the ones before have read.
            const double read =
                std::min(*pages, index_pages_fetched(*pages * loops, info.pages, info.pages, root) / loops);
            // A page's entries are scored together: one costs about a fiftieth of an operator call.
            const double per_page = info.tuples / leaves * cpu_operator_cost * 0.02;
            *total =
                read * page.random + *pages * per_page + *selectivity * info.tuples * cpu_index_tuple_cost;
            *startup = 0;
            if (path->indexorderbys != NIL) {
                const double first = std::min(*pages, 1 + leaves_met(1 / leaves, leaves, dimensions));
                *startup = *total * first / *pages;
                *total += *selectivity * info.tuples * 2 * cpu_operator_cost; // The queue.
            }
        });
    });
}

} // namespace soup::vtree
