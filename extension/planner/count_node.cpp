// One row with one number. The regions are evaluated when it is asked for, then the index counts in one go;
// nothing is held between calls.
#include "planner/custom_node.hpp"
#include "planner/nodes.hpp"
#include "vtree/count.hpp"

extern "C" {
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
}

namespace soup::planner {
namespace {

struct CountInIndex : CustomScanState {
    List* regions; ///< ExprStates.
    bool is_done;

    static constexpr const char* name = "Count in Index";
    static Plan* plan(PlannerInfo*, RelOptInfo*, CustomPath* path, List* columns, List*, List*);
    static void begin(CustomScanState* node, EState*, int);
    static TupleTableSlot* next(CustomScanState* node);
    static void rescan(CustomScanState* node);
    static void end(CustomScanState*) {}
    static void explain(CustomScanState* node, List* ancestors, ExplainState* explained);

    std::span<const ScanKeyData> evaluate();
};
using CountNode = CustomNode<CountInIndex>;

const CustomScan* plan_of(const CustomScanState* node) noexcept {
    return reinterpret_cast<const CustomScan*>(node->ss.ps.plan);
}
Oid index_of(const CustomScan* plan) noexcept {
    return linitial_oid(static_cast<const List*>(linitial(plan->custom_private)));
}

Plan* CountInIndex::plan(PlannerInfo*, RelOptInfo*, CustomPath* path, List* columns, List*, List*) {
    auto* count = static_cast<Expr*>(copyObjectImpl(lfourth(path->custom_private)));
    CustomScan* plan =
        CountNode::make_plan(path, columns, list_make1(makeTargetEntry(count, 1, nullptr, false)));
    plan->custom_exprs = static_cast<List*>(lthird(path->custom_private));
    plan->custom_private = list_make2(linitial(path->custom_private), lsecond(path->custom_private));
    return &plan->scan.plan;
}

void CountInIndex::begin(CustomScanState* node, EState*, int) {
    CountNode::from(node).regions = ExecInitExprList(plan_of(node)->custom_exprs, &node->ss.ps);
}

/// The regions as scan keys. They live as long as what the regions are made of: until the context is reset.
std::span<const ScanKeyData> CountInIndex::evaluate() {
    const auto* strategies = static_cast<const List*>(lsecond(plan_of(this)->custom_private));
    ExprContext* context = ss.ps.ps_ExprContext;
    ResetExprContext(context);
    const auto wanted = static_cast<std::size_t>(list_length(regions));
    auto* keys = static_cast<ScanKeyData*>(
        MemoryContextAllocZero(context->ecxt_per_tuple_memory, wanted * sizeof(ScanKeyData)));
    int count = 0;
    ListCell* cell = nullptr;
    foreach (cell, regions) {
        ScanKeyData& key = keys[count];
        bool is_null = false;
        key.sk_argument = ExecEvalExprSwitchContext(static_cast<ExprState*>(lfirst(cell)), context, &is_null);
        key.sk_flags = is_null ? SK_ISNULL : 0;
        key.sk_strategy = static_cast<StrategyNumber>(list_nth_int(strategies, count));
        ++count;
    }
    return {keys, wanted};
}

TupleTableSlot* CountInIndex::next(CustomScanState* node) {
    CountInIndex& state = CountNode::from(node);
    TupleTableSlot* row = node->ss.ss_ScanTupleSlot;
    ExecClearTuple(row);
    if (state.is_done) return row;
    state.is_done = true;
    const std::span<const ScanKeyData> keys = state.evaluate();
    const CustomScan* plan = plan_of(node);
    const Oid table = lsecond_oid(static_cast<const List*>(linitial(plan->custom_private)));
    Snapshot snapshot = node->ss.ps.state->es_snapshot;
    const std::int64_t rows =
        pg::entry([&] { return vtree::count_rows(index_of(plan), table, keys, snapshot); });
    row->tts_values[0] = Int64GetDatum(rows);
    row->tts_isnull[0] = false;
    ExecStoreVirtualTuple(row);
    if (node->ss.ps.ps_ProjInfo == nullptr) return row;
    node->ss.ps.ps_ExprContext->ecxt_scantuple = row;
    return ExecProject(node->ss.ps.ps_ProjInfo);
}

void CountInIndex::rescan(CustomScanState* node) {
    CountNode::from(node).is_done = false;
}

void CountInIndex::explain(CustomScanState* node, List* ancestors, ExplainState* explained) {
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

} // namespace

const CustomPathMethods* count_in_index_node() noexcept {
    return CountNode::path_methods();
}

void register_count_in_index() {
    CountNode::make_known();
}

} // namespace soup::planner
