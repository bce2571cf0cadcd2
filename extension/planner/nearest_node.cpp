// Reads a table, and keeps the n nearest rows in a heap whose top is the farthest of them. A row is copied
// only if it is nearer than that, which of m rows in random order about n·ln(m/n) are.
//
// The scan below gives its rows unprojected; the distance is computed from them first, the select list for
// those that are kept. Everything here is server code in C's manner: memory contexts, no destructors.
#include "planner/nearest_node.hpp"

extern "C" {
#include "commands/explain.h"
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#endif
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "optimizer/plancat.h"
#include "optimizer/tlist.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/ruleutils.h"
}

namespace soup::planner::nearest_rows {
namespace {

constexpr const char* node_name = "Nearest Rows"; ///< As EXPLAIN shows it.

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

struct NearestState {
    CustomScanState custom; ///< First: the server's pointer to it is one to this.
    ExprState* distance;
    ProjectionInfo* projection;
    MemoryContext rows; ///< Of the kept rows.
    Kept* kept;         ///< A heap while the table is read, ascending afterwards.
    int wanted, count, next;
    bool is_read;
};

NearestState& state_of(CustomScanState* node) noexcept {
    return *reinterpret_cast<NearestState*>(node);
}

void begin(CustomScanState* node, EState* estate, int flags) {
    NearestState& state = state_of(node);
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

MinimalTuple copy_of_row(NearestState& state) {
    TupleTableSlot* slot = ExecProject(state.projection);
    const MemoryContext before = MemoryContextSwitchTo(state.rows);
    MinimalTuple row = ExecCopySlotMinimalTuple(slot);
    MemoryContextSwitchTo(before);
    return row;
}

void read_table(NearestState& state) {
    ExprContext* context = state.custom.ss.ps.ps_ExprContext;
    auto* child = static_cast<PlanState*>(linitial(state.custom.custom_ps));
    for (;;) {
        TupleTableSlot* slot = ExecProcNode(child);
        if (TupIsNull(slot)) break;
        ResetExprContext(context);
        context->ecxt_scantuple = slot;
        Kept one{};
        const Datum distance = ExecEvalExprSwitchContext(state.distance, context, &one.is_null);
        one.distance = one.is_null ? 0 : DatumGetFloat8(distance);
        if (state.count == state.wanted) {
            if (!is_nearer(one, state.kept[0])) continue;
            one.row = copy_of_row(state);
            std::pop_heap(state.kept, state.kept + state.count, is_nearer);
            pfree(state.kept[--state.count].row);
        } else {
            one.row = copy_of_row(state);
        }
        state.kept[state.count++] = one;
        std::push_heap(state.kept, state.kept + state.count, is_nearer);
    }
    std::sort_heap(state.kept, state.kept + state.count, is_nearer);
    state.is_read = true;
}

TupleTableSlot* next_row(CustomScanState* node) {
    NearestState& state = state_of(node);
    if (!state.is_read) read_table(state);
    TupleTableSlot* slot = node->ss.ps.ps_ResultTupleSlot;
    if (state.next == state.count) return ExecClearTuple(slot);
    ExecForceStoreMinimalTuple(state.kept[state.next++].row, slot, false);
    return slot;
}

void rescan(CustomScanState* node) {
    NearestState& state = state_of(node);
    auto* child = static_cast<PlanState*>(linitial(node->custom_ps));
    ExecClearTuple(node->ss.ps.ps_ResultTupleSlot);
    MemoryContextReset(state.rows);
    state.count = state.next = 0;
    state.is_read = false;
    if (node->ss.ps.chgParam != nullptr) UpdateChangedParamSet(child, node->ss.ps.chgParam);
    // Else the child does so itself when it is asked for its first row.
    if (child->chgParam == nullptr) ExecReScan(child);
}

void end(CustomScanState* node) {
    ExecEndNode(static_cast<PlanState*>(linitial(node->custom_ps)));
}

void explain(CustomScanState* node, List* ancestors, ExplainState* explained) {
    const auto* plan = reinterpret_cast<const CustomScan*>(node->ss.ps.plan);
    List* context = set_deparse_context_plan(explained->deparse_cxt, node->ss.ps.plan, ancestors);
    auto* distance = static_cast<Node*>(linitial(plan->custom_exprs));
    ExplainPropertyText("Order By",
                        deparse_expression(distance, context, list_length(explained->rtable) > 1, false),
                        explained);
    ExplainPropertyInteger("Rows Kept", nullptr, state_of(node).wanted, explained);
}

CustomExecMethods make_exec_methods() noexcept {
    CustomExecMethods made{};
    made.CustomName = node_name;
    made.BeginCustomScan = begin;
    made.ExecCustomScan = next_row;
    made.EndCustomScan = end;
    made.ReScanCustomScan = rescan;
    made.ExplainCustomScan = explain;
    return made;
}
const CustomExecMethods exec_methods = make_exec_methods();

Node* create_state(CustomScan*) {
    auto* state = static_cast<NearestState*>(palloc0(sizeof(NearestState)));
    NodeSetTag(state, T_CustomScanState);
    state->custom.methods = &exec_methods;
    return reinterpret_cast<Node*>(state);
}

constexpr CustomScanMethods scan_methods{.CustomName = node_name, .CreateCustomScanState = create_state};

bool has_system_column(const PathTarget* target) {
    ListCell* cell = nullptr;
    foreach (cell, target->exprs)
        if (lfirst_node(Var, cell)->varattno <= 0) return true; // Or the whole row.
    return false;
}

/// Where nothing stands against it, the scan gives its rows as they lie in the table, which spares it a
/// projection.
Plan* plan_path(PlannerInfo* root, RelOptInfo*, CustomPath* path, List* columns, List*, List* children) {
    auto* child = linitial_node(Plan, children);
    const auto* scan = static_cast<const Path*>(linitial(path->custom_paths));
    if (!has_system_column(scan->pathtarget))
        if (List* all = build_physical_tlist(root, scan->parent); all != NIL) child->targetlist = all;
    auto* plan = makeNode(CustomScan);
    plan->scan.plan.targetlist = columns;
    plan->scan.scanrelid = 0;
    plan->custom_plans = children;
    plan->custom_exprs = list_make1(lsecond(path->custom_private));
    plan->custom_private = list_make1(linitial(path->custom_private));
    plan->custom_scan_tlist = static_cast<List*>(copyObjectImpl(child->targetlist));
    plan->flags = path->flags;
    plan->methods = &scan_methods;
    return &plan->scan.plan;
}

constexpr CustomPathMethods path_methods{
    .CustomName = node_name, .PlanCustomPath = plan_path, .ReparameterizeCustomPathByChild = nullptr};

} // namespace

const CustomPathMethods* methods() noexcept {
    return &path_methods;
}

void register_node() {
    RegisterCustomScanMethods(&scan_methods);
}

} // namespace soup::planner::nearest_rows
