// The executor takes ten times as long for a row of an index-only scan under count(*) as the index does
// (docs/index-figures.md). The path made here (count_node.cpp runs it) hands the whole question to the index.
//
// Offered where the answer is made of one count(*), without FILTER or GROUP BY, over one table, and where
// the planner found a vtree index that answers every condition on it: a row-level security policy is a
// further condition, so with one there is no such path, unless the index answers that too.
#include "planner/count_path.hpp"

#include "planner/nodes.hpp"
#include "tree/handler.hpp"
#include "vtree/method.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
}

namespace soup::planner {
namespace {

/// The count(*) that everything selected is made of; null if anything else is.
Aggref* number_of_rows_asked_for(const PlannerInfo* root, const RelOptInfo* output) {
    const Query* query = root->parse;
    if (query->groupClause != NIL || query->groupingSets != NIL || query->havingQual != nullptr)
        return nullptr;
    List* parts = pull_var_clause(reinterpret_cast<Node*>(output->reltarget->exprs),
                                  PVC_INCLUDE_AGGREGATES | PVC_INCLUDE_PLACEHOLDERS);
    if (parts == NIL) return nullptr;
    ListCell* cell = nullptr;
    foreach (cell, parts) {
        const auto* count = static_cast<const Aggref*>(lfirst(cell));
        if (!IsA(count, Aggref) || count->aggfnoid != F_COUNT_ || count->aggfilter != nullptr ||
            !equal(count, linitial(parts)))
            return nullptr;
    }
    return linitial_node(Aggref, parts);
}

/// `column <@ region` becomes the region's expression, if it is one that needs no row.
Expr* region_asked_for(const IndexClause* clause) {
    if (clause->lossy || list_length(clause->indexquals) != 1) return nullptr;
    auto* condition = reinterpret_cast<OpExpr*>(linitial_node(RestrictInfo, clause->indexquals)->clause);
    if (!IsA(condition, OpExpr) || list_length(condition->args) != 2) return nullptr;
    auto* region = static_cast<Node*>(lsecond(condition->args));
    return contain_volatile_functions(region) || contain_var_clause(region) ? nullptr
                                                                            : reinterpret_cast<Expr*>(region);
}

/// What the node needs to know: the regions and their operators' strategies. NIL: the index does not answer
/// all.
List* regions_of(const IndexPath* path, const RelOptInfo* table, List** strategies) {
    List* regions = NIL;
    if (path->indexorderbys != NIL || path->indexinfo->indpred != NIL || path->indexinfo->hypothetical ||
        list_length(path->indexclauses) != list_length(table->baserestrictinfo))
        return NIL;
    ListCell* cell = nullptr;
    foreach (cell, path->indexclauses) {
        const auto* clause = lfirst_node(IndexClause, cell);
        Expr* region = region_asked_for(clause);
        if (region == nullptr || !list_member_ptr(table->baserestrictinfo, clause->rinfo)) return NIL;
        const auto* condition =
            reinterpret_cast<const OpExpr*>(linitial_node(RestrictInfo, clause->indexquals)->clause);
        regions = lappend(regions, region);
        *strategies =
            lappend_int(*strategies, get_op_opfamily_strategy(condition->opno,
                                                              path->indexinfo->opfamily[clause->indexcol]));
    }
    return regions;
}

void add_for(const IndexPath* index, const RangeTblEntry* table, Aggref* count, RelOptInfo* input,
             RelOptInfo* output) {
    List* strategies = NIL;
    List* regions = regions_of(index, input, &strategies);
    if (regions == NIL) return;
    auto* path = makeNode(CustomPath);
    path->path.pathtype = T_CustomScan;
    path->path.parent = output;
    path->path.pathtarget = output->reltarget;
    path->path.parallel_safe = false;
    path->path.rows = 1;
    // The pages as the index knows them, the heap's as the planner expects of an index-only scan. The work
    // for each row is a small part of the executor's; and so that a question for few rows goes this way, too,
    // where the executor's start and end weigh most, which the planner does not count.
    const Cost without_rows =
        index->path.total_cost - index->path.rows * (cpu_tuple_cost + cpu_operator_cost);
    path->path.total_cost = 0.9 * std::max(index->indextotalcost, without_rows) + cpu_tuple_cost;
    path->path.startup_cost = path->path.total_cost;
    path->custom_private =
        list_make4(list_make2_oid(index->indexinfo->indexoid, table->relid), strategies, regions, count);
    path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
    path->methods = count_in_index_node();
    add_path(output, &path->path);
}

} // namespace

void add_count_path(PlannerInfo* root, UpperRelationKind stage, RelOptInfo* input, RelOptInfo* output) {
    if (stage != UPPERREL_GROUP_AGG || input->reloptkind != RELOPT_BASEREL ||
        input->rtekind != RTE_RELATION || IS_DUMMY_REL(input))
        return;
    const RangeTblEntry* table = planner_rt_fetch(input->relid, root);
    if (table->inh || table->tablesample != nullptr) return;
    Aggref* count = number_of_rows_asked_for(root, output);
    if (count == nullptr) return;
    ListCell* cell = nullptr;
    foreach (cell, input->pathlist) {
        const auto* path = static_cast<const IndexPath*>(lfirst(cell));
        if (IsA(path, IndexPath) && path->path.param_info == nullptr &&
            tree::is_method(path->indexinfo->relam, vtree::vtree_method))
            add_for(path, table, count, input, output);
    }
}

} // namespace soup::planner
