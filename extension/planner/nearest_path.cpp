// The server would read the table, compute each row's distance, copy each row into its sort, and drop it
// there: the copying takes longer than the distance. The path made here (nearest_node.cpp runs it) copies
// only rows that are among the nearest so far.
//
// It returns n rows and no more, so it is offered only where nothing between it and LIMIT can ask for
// another: constants in LIMIT and OFFSET, no WITH TIES, no row locks (a row that changed meanwhile would be
// replaced by the next), no set-returning function in the select list, one table. The sort's single key has
// to be one of our distances, ascending, nulls last.
#include "planner/nearest_path.hpp"

#include "planner/nodes.hpp"
#include "vector/distance.hpp"

extern "C" {
#include "access/stratnum.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
}

namespace soup::planner {
namespace {

constexpr double rows_max = 10'000; ///< Of LIMIT and OFFSET together; more belong into a sort that can spill.

/// The number of rows that the query can ask for; 0 if nobody knows.
double wanted_rows(const PlannerInfo* root) {
    const Query* query = root->parse;
    if (query->limitOption != LIMIT_OPTION_COUNT || query->rowMarks != NIL || query->hasTargetSRFs ||
        query->limitCount == nullptr || !IsA(query->limitCount, Const) ||
        (query->limitOffset != nullptr && !IsA(query->limitOffset, Const)))
        return 0;
    return root->limit_tuples;
}

/// The one expression that the rows are sorted by, if it is a distance of ours; else null.
Expr* distance_to_sort_by(PlannerInfo* root, const RelOptInfo* input) {
    if (list_length(root->sort_pathkeys) != 1) return nullptr;
    const auto* key = linitial_node(PathKey, root->sort_pathkeys);
    if (key->pk_strategy != BTLessStrategyNumber || key->pk_nulls_first) return nullptr;
    ListCell* cell = nullptr;
    foreach (cell, key->pk_eclass->ec_members) {
        const auto* member = lfirst_node(EquivalenceMember, cell);
        auto* distance = reinterpret_cast<OpExpr*>(member->em_expr);
        if (member->em_datatype != FLOAT8OID || !IsA(distance, OpExpr) ||
            !bms_is_subset(member->em_relids, input->relids) ||
            contain_volatile_functions(reinterpret_cast<Node*>(member->em_expr)))
            continue;
        set_opfuncid(distance);
        if (vector::is_distance(distance->opfuncid)) return member->em_expr;
    }
    return nullptr;
}

/// The table's columns that the query and the distance read, and nothing computed from them.
PathTarget* columns_read(PlannerInfo* root, const PathTarget* wanted, Expr* distance) {
    List* read = lappend(list_copy(wanted->exprs), distance);
    PathTarget* target = create_empty_pathtarget();
    add_new_columns_to_pathtarget(
        target, pull_var_clause(reinterpret_cast<Node*>(read),
                                PVC_RECURSE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS | PVC_INCLUDE_PLACEHOLDERS));
    return set_pathtarget_cost_width(root, target);
}

bool reads_plain_columns(const PathTarget* target) {
    ListCell* cell = nullptr;
    foreach (cell, target->exprs)
        if (!IsA(lfirst(cell), Var)) return false;
    return target->exprs != NIL;
}

} // namespace

void add_nearest_path(PlannerInfo* root, UpperRelationKind stage, RelOptInfo* input, RelOptInfo* output) {
    if (stage != UPPERREL_ORDERED || input->reloptkind != RELOPT_BASEREL || input->rtekind != RTE_RELATION ||
        IS_DUMMY_REL(input) || !enable_seqscan)
        return;
    const RangeTblEntry* table = planner_rt_fetch(input->relid, root);
    if (table->inh || table->tablesample != nullptr || table->relkind == RELKIND_FOREIGN_TABLE) return;
    const double rows = wanted_rows(root);
    if (rows < 1 || rows > rows_max) return;
    Expr* distance = distance_to_sort_by(root, input);
    if (distance == nullptr) return;

    PathTarget* wanted = root->upper_targets[UPPERREL_ORDERED];
    Path* scan = create_seqscan_path(root, input, nullptr, 0);
    scan->pathtarget = columns_read(root, wanted, distance);
    if (!reads_plain_columns(scan->pathtarget)) return;
    if (rows * scan->pathtarget->width > work_mem * 1024.0) return;
    auto* path = makeNode(CustomPath);
    path->path.pathtype = T_CustomScan;
    path->path.parent = output;
    path->path.pathtarget = wanted;
    path->path.parallel_safe = false;
    path->path.rows = std::min(rows, scan->rows);
    // The scan's cost has that of everything selected, the distance among it, for each row.
    path->path.startup_cost = scan->total_cost + scan->rows * cpu_operator_cost;
    path->path.total_cost = path->path.startup_cost + path->path.rows * cpu_operator_cost;
    path->path.pathkeys = root->sort_pathkeys;
    path->custom_paths = list_make1(scan);
    path->custom_private = list_make2(makeInteger(static_cast<int>(rows)), distance);
    path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
    path->methods = nearest_rows_node();
    add_path(output, &path->path);
}

} // namespace soup::planner
