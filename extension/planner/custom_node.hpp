// What the server asks of a plan node that is not its own, made from a class with a function for each
// question:
//
//     struct Scan : CustomScanState {
//         static constexpr const char* name = "…"; // As EXPLAIN shows it; the server finds the node by it.
//         static Plan* plan(PlannerInfo*, RelOptInfo*, CustomPath*, List* columns, List* clauses, List*
//         children); static void begin(CustomScanState*, EState*, int flags); static TupleTableSlot*
//         next(CustomScanState*); static void rescan(CustomScanState*); static void end(CustomScanState*);
//         static void explain(CustomScanState*, List* ancestors, ExplainState*);
//     };
//
// All of it is server code in C's manner: memory contexts, no destructors. A node begins as zeros.
#pragma once

#include "boundary/boundary.hpp"

extern "C" {
#include "commands/explain.h"
#include "nodes/extensible.h"
}

namespace soup::planner {

template<class Scan>
class CustomNode {
public:
    static const CustomPathMethods* path_methods() noexcept { return &of_path; }
    /// Once per session.
    static void make_known() { RegisterCustomScanMethods(&of_plan); }
    static Scan& from(CustomScanState* state) noexcept { return *static_cast<Scan*>(state); }

    /// A plan of the path that returns `columns`, which are computed from rows of `row`.
    static CustomScan* make_plan(const CustomPath* path, List* columns, List* row) {
        auto* plan = makeNode(CustomScan);
        plan->scan.plan.targetlist = columns;
        plan->custom_scan_tlist = row;
        plan->flags = path->flags;
        plan->methods = &of_plan;
        return plan;
    }

private:
    static Node* make_state(CustomScan*) {
        static const CustomExecMethods of_state = [] {
            CustomExecMethods made{};
            made.CustomName = Scan::name;
            made.BeginCustomScan = Scan::begin;
            made.ExecCustomScan = Scan::next;
            made.EndCustomScan = Scan::end;
            made.ReScanCustomScan = Scan::rescan;
            made.ExplainCustomScan = Scan::explain;
            return made;
        }();
        auto* state = static_cast<Scan*>(palloc0(sizeof(Scan)));
        NodeSetTag(state, T_CustomScanState);
        state->methods = &of_state;
        return reinterpret_cast<Node*>(state);
    }

    static constexpr CustomScanMethods of_plan{.CustomName = Scan::name, .CreateCustomScanState = make_state};
    static constexpr CustomPathMethods of_path{
        .CustomName = Scan::name, .PlanCustomPath = Scan::plan, .ReparameterizeCustomPathByChild = nullptr};
};

} // namespace soup::planner
