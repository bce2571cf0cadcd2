// Reads a table, and keeps the n nearest rows in a heap whose top is the farthest of them. A row is copied
// only if it is nearer than that, which of m rows in random order about n·ln(m/n) are.
//
// The scan below gives its rows unprojected; the distance is computed from them first, the select list for
// those that are kept.
#include "planner/custom_node.hpp"
#include "planner/nodes.hpp"

extern "C" {
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "optimizer/plancat.h"
#include "optimizer/tlist.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/ruleutils.h"
}

namespace soup::planner {
namespace {

struct Kept {
    double distance;
    bool is_null; ///< Null distances come last.
    MinimalTuple row;
};

/// Order of the result. NaN comes after every number, as in float8's own order.
bool is_nearer(const Kept& a, const Kept& b) noexcept {
    if (a.is_null || b.is_null) return !a.is_null && b.is_null;
    return float8_lt(a.distance, b.distance);
}

struct NearestRows : CustomScanState {
    ExprState* distance;
    ProjectionInfo* projection;
    MemoryContext rows; ///< Of the kept rows.
    Kept* kept;         ///< A heap while the table is read, ascending afterwards.
    int wanted, count, at;
    bool is_read;

    static constexpr const char* name = "Nearest Rows";
    static Plan* plan(PlannerInfo* root, RelOptInfo*, CustomPath* path, List* columns, List*, List* children);
    static void begin(CustomScanState* node, EState* estate, int flags);
    static TupleTableSlot* next(CustomScanState* node);
    static void rescan(CustomScanState* node);
    static void end(CustomScanState* node);
    static void explain(CustomScanState* node, List* ancestors, ExplainState* explained);

    PlanState* child() const { return static_cast<PlanState*>(linitial(custom_ps)); }
    MinimalTuple copy_of_row();
    void read_table();
};
using NearestNode = CustomNode<NearestRows>;

bool has_system_column(const PathTarget* target) {
    ListCell* cell = nullptr;
    foreach (cell, target->exprs)
        if (lfirst_node(Var, cell)->varattno <= 0) return true; // Or the whole row.
    return false;
}

/// Where nothing stands against it, the scan gives its rows as they lie in the table, which spares it a
/// projection.
Plan* NearestRows::plan(PlannerInfo* root, RelOptInfo*, CustomPath* path, List* columns, List*,
                        List* children) {
    auto* child = linitial_node(Plan, children);
    const auto* scan = static_cast<const Path*>(linitial(path->custom_paths));
    if (!has_system_column(scan->pathtarget))
        if (List* all = build_physical_tlist(root, scan->parent); all != NIL) child->targetlist = all;
    CustomScan* plan =
        NearestNode::make_plan(path, columns, static_cast<List*>(copyObjectImpl(child->targetlist)));
    plan->custom_plans = children;
    plan->custom_exprs = list_make1(lsecond(path->custom_private));
    plan->custom_private = list_make1(linitial(path->custom_private));
    return &plan->scan.plan;
}

void NearestRows::begin(CustomScanState* node, EState* estate, int flags) {
    NearestRows& state = NearestNode::from(node);
    const auto* plan = reinterpret_cast<const CustomScan*>(node->ss.ps.plan);
    PlanState* child = ExecInitNode(linitial_node(Plan, plan->custom_plans), estate,
                                    flags & ~(EXEC_FLAG_BACKWARD | EXEC_FLAG_MARK));
    node->custom_ps = list_make1(child);
    // Expressions look into the child's own slot.
    node->ss.ps.scanopsset = true;
    node->ss.ps.scanops = ExecGetResultSlotOps(child, &node->ss.ps.scanopsfixed);
    state.distance = ExecInitExpr(linitial_node(Expr, plan->custom_exprs), &node->ss.ps);
    state.projection = ExecBuildProjectionInfo(plan->scan.plan.targetlist, node->ss.ps.ps_ExprContext,
                                               node->ss.ps.ps_ResultTupleSlot, &node->ss.ps, nullptr);
    state.wanted = intVal(linitial(plan->custom_private));
    state.kept = static_cast<Kept*>(palloc(sizeof(Kept) * static_cast<std::size_t>(state.wanted)));
    state.rows = AllocSetContextCreate(estate->es_query_cxt, "nearest rows", ALLOCSET_DEFAULT_SIZES);
}

MinimalTuple NearestRows::copy_of_row() {
    TupleTableSlot* slot = ExecProject(projection);
    const MemoryContext before = MemoryContextSwitchTo(rows);
    MinimalTuple row = ExecCopySlotMinimalTuple(slot);
    MemoryContextSwitchTo(before);
    return row;
}

void NearestRows::read_table() {
    ExprContext* context = ss.ps.ps_ExprContext;
    for (;;) {
        TupleTableSlot* slot = ExecProcNode(child());
        if (TupIsNull(slot)) break;
        ResetExprContext(context);
        context->ecxt_scantuple = slot;
        Kept one{};
        const Datum value = ExecEvalExprSwitchContext(distance, context, &one.is_null);
        one.distance = one.is_null ? 0 : DatumGetFloat8(value);
        if (count == wanted) {
            if (!is_nearer(one, kept[0])) continue;
            one.row = copy_of_row();
            std::pop_heap(kept, kept + count, is_nearer);
            pfree(kept[--count].row);
        } else {
            one.row = copy_of_row();
        }
        kept[count++] = one;
        std::push_heap(kept, kept + count, is_nearer);
    }
    std::sort_heap(kept, kept + count, is_nearer);
    is_read = true;
}

TupleTableSlot* NearestRows::next(CustomScanState* node) {
    NearestRows& state = NearestNode::from(node);
    if (!state.is_read) state.read_table();
    TupleTableSlot* slot = node->ss.ps.ps_ResultTupleSlot;
    if (state.at == state.count) return ExecClearTuple(slot);
    ExecForceStoreMinimalTuple(state.kept[state.at++].row, slot, false);
    return slot;
}

void NearestRows::rescan(CustomScanState* node) {
    NearestRows& state = NearestNode::from(node);
    ExecClearTuple(node->ss.ps.ps_ResultTupleSlot);
    MemoryContextReset(state.rows);
    state.count = state.at = 0;
    state.is_read = false;
    PlanState* child = state.child();
    if (node->ss.ps.chgParam != nullptr) UpdateChangedParamSet(child, node->ss.ps.chgParam);
    // Else the child does so itself when it is asked for its first row.
    if (child->chgParam == nullptr) ExecReScan(child);
}

void NearestRows::end(CustomScanState* node) {
    ExecEndNode(NearestNode::from(node).child());
}

void NearestRows::explain(CustomScanState* node, List* ancestors, ExplainState* explained) {
    const auto* plan = reinterpret_cast<const CustomScan*>(node->ss.ps.plan);
    List* context = set_deparse_context_plan(explained->deparse_cxt, node->ss.ps.plan, ancestors);
    auto* distance = static_cast<Node*>(linitial(plan->custom_exprs));
    ExplainPropertyText("Order By",
                        deparse_expression(distance, context, list_length(explained->rtable) > 1, false),
                        explained);
    ExplainPropertyInteger("Rows Kept", nullptr, NearestNode::from(node).wanted, explained);
}

} // namespace

const CustomPathMethods* nearest_rows_node() noexcept {
    return NearestNode::path_methods();
}

void register_nearest_rows() {
    NearestNode::make_known();
}

} // namespace soup::planner
