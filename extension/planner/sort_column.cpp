// An index that returns rows by distance makes a Sort unnecessary, but the planner leaves the distance among
// the scan's columns, as a junk column. The executor computes it for every row, and for a vector that is kept
// out of line that means fetching it: for long ones a third of the whole query. Nobody looks at the result.
//
// Here the junk column becomes a null where it is certain that nobody does: directly below a Limit, which is
// the top of its query and drops its junk, unless it reads the column itself (WITH TIES). A distance that was
// selected is no junk column and stays. EXPLAIN VERBOSE shows the null.
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

bool is_order_of(const IndexScan* scan, const Node* expression) {
    ListCell* cell = nullptr;
    foreach (cell, scan->indexorderbyorig)
        if (equal(lfirst(cell), expression)) return true;
    return false;
}

/// How many columns of the limit show the child's column `number`; `is_junk` says whether all of them are
/// junk.
int readers(const Limit* limit, AttrNumber number, bool& is_junk) {
    int count = 0;
    is_junk = true;
    ListCell* cell = nullptr;
    foreach (cell, limit->plan.targetlist) {
        const auto* column = lfirst_node(TargetEntry, cell);
        const auto* shown = reinterpret_cast<const Var*>(column->expr);
        if (!IsA(shown, Var) || shown->varattno != number) continue;
        ++count;
        is_junk &= column->resjunk;
    }
    return count;
}

void change(const Limit* limit) {
    if (limit->limitOption != LIMIT_OPTION_COUNT) return;
    auto* scan = reinterpret_cast<IndexScan*>(limit->plan.lefttree);
    if (scan == nullptr || !IsA(scan, IndexScan) || scan->indexorderbyorig == NIL || !is_ours(scan->indexid))
        return;
    ListCell* cell = nullptr;
    foreach (cell, scan->scan.plan.targetlist) {
        auto* column = lfirst_node(TargetEntry, cell);
        auto* expression = reinterpret_cast<Node*>(column->expr);
        bool is_junk = false;
        if (!is_order_of(scan, expression) || readers(limit, column->resno, is_junk) != 1 || !is_junk)
            continue;
        // A function that may have an effect is called as often as it was written.
        if (contain_volatile_functions(expression)) continue;
        column->expr = reinterpret_cast<Expr*>(
            makeNullConst(exprType(expression), exprTypmod(expression), exprCollation(expression)));
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
        change(reinterpret_cast<const Limit*>(plan));
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
