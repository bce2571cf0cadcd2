// An index that returns rows by distance makes a Sort unnecessary, but the planner leaves the distance among
// the scan's columns, as a junk column. The executor computes it for every row, and for a vector that is kept
// out of line that means fetching it: for long ones a third of the whole query. Nobody looks at the result.
//
// Here the junk column goes where it is certain that nobody does: directly below a Limit, which is the top of
// its query and drops its junk, unless it reads the column itself (WITH TIES). With the last junk column goes
// what drops it. A distance that was selected is no junk column and stays.
#include "planner/sort_column.hpp"

#include "tree/handler.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace soup::planner {
namespace {

bool is_ours(Oid index) {
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(index));
    if (!HeapTupleIsValid(tuple)) return false;
    const Oid method = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relam;
    ReleaseSysCache(tuple);
    return tree::is_registered(method);
}

/// What the scan orders by, in the form in which its columns name it; null if it is no ordered scan of ours.
const List* order_of(const Plan* scan) {
    if (scan == nullptr) return nullptr;
    if (const auto* rows = reinterpret_cast<const IndexScan*>(scan); IsA(rows, IndexScan))
        return rows->indexorderbyorig != NIL && is_ours(rows->indexid) ? rows->indexorderbyorig : nullptr;
    if (const auto* points = reinterpret_cast<const IndexOnlyScan*>(scan); IsA(points, IndexOnlyScan))
        return points->indexorderby != NIL && is_ours(points->indexid) ? points->indexorderby : nullptr;
    return nullptr;
}

/// A Limit projects nothing: its columns are its child's, one by one.
void change(Limit* limit) {
    Plan* scan = limit->plan.lefttree;
    const List* order = order_of(scan);
    if (order == nullptr || limit->limitOption != LIMIT_OPTION_COUNT) return;
    List *shown = limit->plan.targetlist, *computed = scan->targetlist;
    while (computed != NIL && list_length(shown) == list_length(computed)) {
        const auto* column = llast_node(TargetEntry, computed);
        // A function that may have an effect is called as often as it was written.
        if (!llast_node(TargetEntry, shown)->resjunk || !list_member(order, column->expr) ||
            contain_volatile_functions(reinterpret_cast<Node*>(column->expr)))
            return;
        limit->plan.targetlist = shown = list_delete_last(shown);
        scan->targetlist = computed = list_delete_last(computed);
    }
}

void visit(Plan* plan);

void visit(List* plans) {
    ListCell* cell = nullptr;
    foreach (cell, plans)
        visit(static_cast<Plan*>(lfirst(cell)));
}

void visit(Plan* plan) {
    if (plan == nullptr) return;
    check_stack_depth();
    switch (nodeTag(plan)) {
    case T_Limit:
        change(reinterpret_cast<Limit*>(plan));
        break;
    case T_Append:
        visit(reinterpret_cast<Append*>(plan)->appendplans);
        break;
    case T_MergeAppend:
        visit(reinterpret_cast<MergeAppend*>(plan)->mergeplans);
        break;
    case T_SubqueryScan:
        visit(reinterpret_cast<SubqueryScan*>(plan)->subplan);
        break;
    default:
        break;
    }
    visit(plan->lefttree);
    visit(plan->righttree);
}

} // namespace

void drop_unread_distances(PlannedStmt* plan) {
    visit(plan->planTree);
    visit(plan->subplans);
}

} // namespace soup::planner
