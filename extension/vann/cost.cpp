// A search knows which pages it will read next and asks for them ahead, in the order of their blocks; so a
// page costs what it does in a sequential scan, not a random one. A search reads its first batch of pages
// before it returns a row, and then more and more of the index as the executor asks for rows: start-up cost
// is the first batch, total cost the whole index. The planner takes the part between that a LIMIT needs. A
// condition that the index does not test makes it expect that more rows are fetched, which is what happens.
#include "vann/cost.hpp"

#include "tree/method.hpp"
#include "vann/method.hpp"
#include "vann/settings.hpp"

extern "C" {
#include "access/genam.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"
}

namespace soup::vann {
namespace {

/// Pages and entries of a search's first batch.
struct Batch {
    double pages, entries;
};

Batch first_batch(Relation index, double index_pages) {
    const auto open = tree::open_index(index);
    const auto& vann = static_cast<const OpenVann&>(*open);
    const Layout& layout = vann.vann().layout();
    const SearchSettings settings = search_settings(vann.parameters.calibration);
    // Inner pages are few and stay in memory; those that a search opens are counted like leaves all the same.
    const double inner = std::min<double>(1.0 + settings.beam, index_pages);
    const double details =
        layout.has_details() ? std::min<double>(settings.rerank, settings.probes * layout.detail.pages) : 0;
    const double pages = std::min(inner + settings.probes + details, index_pages);
    return {.pages = pages, .entries = settings.probes * static_cast<double>(layout.leaf.capacity)};
}

double selectivity_of(PlannerInfo* root, IndexPath* path) {
    List* conditions = get_quals_from_indexclauses(path->indexclauses);
    conditions = add_predicate_to_index_quals(path->indexinfo, conditions);
    return clauselist_selectivity(root, conditions, static_cast<int>(path->indexinfo->rel->relid), JOIN_INNER,
                                  nullptr);
}

} // namespace

void estimate_cost(PlannerInfo* root, IndexPath* path, double loops, Cost* startup, Cost* total,
                   Selectivity* selectivity, double* correlation, double* pages) {
    pg::entry([&] {
        const IndexOptInfo& info = *path->indexinfo;
        *correlation = 0;
        *pages = info.pages;
        *selectivity = pg::call([=] { return selectivity_of(root, path); });
        // Without an order the index has nothing to say, and it knows one order at a time.
        if (list_length(path->indexorderbys) != 1) {
            *startup = *total = std::numeric_limits<double>::infinity();
            return;
        }
        Relation index = pg::call([&] { return index_open(info.indexoid, NoLock); });
        const Batch batch = first_batch(index, info.pages);
        pg::call([&] {
            index_close(index, NoLock);
            double page = 0;
            get_tablespace_page_costs(info.reltablespace, nullptr, &page);
            // Repeated searches find in memory what the ones before have read.
            const double read =
                index_pages_fetched(batch.pages * loops, info.pages, info.pages, root) / loops;
            // A page's entries are scored together; one costs about a tenth of an operator call.
            const double per_entry = 0.1 * cpu_operator_cost;
            *startup = std::min(read, batch.pages) * page + batch.entries * per_entry;
            *total = std::max(*startup, info.pages * page + info.tuples * per_entry +
                                            info.tuples * *selectivity * cpu_index_tuple_cost);
        });
    });
}

} // namespace soup::vann
