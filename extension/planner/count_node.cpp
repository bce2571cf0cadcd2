// One row with one number. The regions are evaluated when it is asked for, then the index counts in one go;
// nothing is held between calls.
#include "planner/count_node.hpp"

#include "vtree/count.hpp"

extern "C" {
#include "commands/explain.h"
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#endif
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
}

namespace soup::planner::counting {
namespace {

constexpr const char* node_name = "Count in Index"; ///< As EXPLAIN shows it.
constexpr int keys_max = 32;

struct CountState {
    CustomScanState custom; ///< First: the server's pointer to it is one to this.
    List* regions;          ///< ExprStates.
    bool is_done;
};

CountState& state_of(CustomScanState* node) noexcept {
    return *reinterpret_cast<CountState*>(node);
}
const CustomScan* plan_of(const CustomScanState* node) noexcept {
    return reinterpret_cast<const CustomScan*>(node->ss.ps.plan);
}
Oid index_of(const CustomScan* plan) noexcept {
    return linitial_oid(static_cast<const List*>(linitial(plan->custom_private)));
}

void begin(CustomScanState* node, EState*, int) {
    state_of(node).regions = ExecInitExprList(plan_of(node)->custom_exprs, &node->ss.ps);
}

/// The regions as scan keys; returns how many.
int evaluate(CustomScanState* node, ScanKeyData* keys) {
    const auto* strategies = static_cast<const List*>(lsecond(plan_of(node)->custom_private));
    ExprContext* context = node->ss.ps.ps_ExprContext;
    int count = 0;
    ListCell* cell = nullptr;
    foreach (cell, state_of(node).regions) {
        ScanKeyData& key = keys[count];
        key = {};
        bool is_null = false;
        key.sk_argument = ExecEvalExprSwitchContext(static_cast<ExprState*>(lfirst(cell)), context, &is_null);
        key.sk_flags = is_null ? SK_ISNULL : 0;
        key.sk_strategy = static_cast<StrategyNumber>(list_nth_int(strategies, count));
        ++count;
    }
    return count;
}

TupleTableSlot* next_row(CustomScanState* node) {
    CountState& state = state_of(node);
    TupleTableSlot* row = node->ss.ss_ScanTupleSlot;
    ExecClearTuple(row);
    if (state.is_done) return row;
    state.is_done = true;
    ScanKeyData keys[keys_max];
    ResetExprContext(node->ss.ps.ps_ExprContext);
    const int count = evaluate(node, keys);
    const CustomScan* plan = plan_of(node);
    const Oid table = lsecond_oid(static_cast<const List*>(linitial(plan->custom_private)));
    Snapshot snapshot = node->ss.ps.state->es_snapshot;
    const std::int64_t rows = pg::entry([&] {
        return vtree::count_rows(index_of(plan), table, std::span(keys, static_cast<std::size_t>(count)),
                                 snapshot);
    });
    row->tts_values[0] = Int64GetDatum(rows);
    row->tts_isnull[0] = false;
    ExecStoreVirtualTuple(row);
    if (node->ss.ps.ps_ProjInfo == nullptr) return row;
    node->ss.ps.ps_ExprContext->ecxt_scantuple = row;
    return ExecProject(node->ss.ps.ps_ProjInfo);
}

void rescan(CustomScanState* node) {
    state_of(node).is_done = false;
}

void end(CustomScanState*) {}

void explain(CustomScanState* node, List* ancestors, ExplainState* explained) {
    const CustomScan* plan = plan_of(node);
    ExplainPropertyText("Index", get_rel_name(index_of(plan)), explained);
    List* context = set_deparse_context_plan(explained->deparse_cxt, node->ss.ps.plan, ancestors);
    List* regions = NIL;
    ListCell* cell = nullptr;
    foreach (cell, plan->custom_exprs)
        regions =
            lappend(regions, deparse_expression(static_cast<Node*>(lfirst(cell)), context, false, false));
    ExplainPropertyList("Region", regions, explained);
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
    auto* state = static_cast<CountState*>(palloc0(sizeof(CountState)));
    NodeSetTag(state, T_CustomScanState);
    state->custom.methods = &exec_methods;
    return reinterpret_cast<Node*>(state);
}

constexpr CustomScanMethods scan_methods{.CustomName = node_name, .CreateCustomScanState = create_state};

Plan* plan_path(PlannerInfo*, RelOptInfo*, CustomPath* path, List* columns, List*, List*) {
    auto* plan = makeNode(CustomScan);
    plan->scan.plan.targetlist = columns;
    plan->scan.scanrelid = 0;
    plan->custom_exprs = static_cast<List*>(lthird(path->custom_private));
    plan->custom_private = list_make2(linitial(path->custom_private), lsecond(path->custom_private));
    auto* count = static_cast<Expr*>(copyObjectImpl(lfourth(path->custom_private)));
    plan->custom_scan_tlist = list_make1(makeTargetEntry(count, 1, nullptr, false));
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

} // namespace soup::planner::counting
