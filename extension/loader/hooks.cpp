// Statement depth by counting in the hooks of executor, utilities and procedural functions. The transaction's
// nest level does not tell: inside a DO block it is still 1.
//
// A nested query counts one. What is not a query itself counts two, so that nothing called from it is ever at
// depth 1: a utility statement (DO, CALL, EXECUTE, index expressions, CHECK constraints), and a function in a
// procedural language, whose simple expressions (`x := f()`) pass no executor. Each hook puts back the depth
// that it found, on errors too, so an abort leaves nothing to reset.
//
// Plain C in C++ clothes: no object with a destructor is alive across a call of the server.
#include "loader/hooks.hpp"
#include "loader/machinesoup_loader.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "tcop/utility.h"
#include "utils/syscache.h"
}

namespace soup::loader {
namespace {

constexpr int query_step = 1;
constexpr int other_step = 2;

int depth = 0;
const PlatformLibrary* guards = nullptr;

ExecutorStart_hook_type previous_executor_start = nullptr;
ExecutorRun_hook_type previous_executor_run = nullptr;
ExecutorFinish_hook_type previous_executor_finish = nullptr;
ExecutorEnd_hook_type previous_executor_end = nullptr;
ProcessUtility_hook_type previous_utility = nullptr;
needs_fmgr_hook_type previous_needs_fmgr = nullptr;
fmgr_hook_type previous_fmgr = nullptr;

template<class F>
void deeper(int step, F body) {
    static_assert(std::is_trivially_destructible_v<F>);
    const int before = depth;
    depth = before + step;
    PG_TRY();
    { body(); }
    PG_FINALLY();
    { depth = before; }
    PG_END_TRY();
}

void executor_start(QueryDesc* query, int flags) {
    if (guards != nullptr && guards->executor_check != nullptr) guards->executor_check(query, flags);
    deeper(query_step, [=] {
        previous_executor_start != nullptr ? previous_executor_start(query, flags)
                                           : standard_ExecutorStart(query, flags);
    });
}

/// A portal that a client reads in pieces; once more for its end, when nothing is read, does not count.
/// Inside of something else it is a function that fetches row by row.
bool is_resumed(const QueryDesc* query, ScanDirection direction) {
    return depth == 0 && query->already_executed && !ScanDirectionIsNoMovement(direction);
}

void executor_run(QueryDesc* query, ScanDirection direction, uint64 count, bool execute_once) {
    if (guards != nullptr && guards->resume_guard != nullptr && is_resumed(query, direction))
        guards->resume_guard(query);
    deeper(query_step, [=] {
        previous_executor_run != nullptr ? previous_executor_run(query, direction, count, execute_once)
                                         : standard_ExecutorRun(query, direction, count, execute_once);
    });
}

void executor_finish(QueryDesc* query) {
    deeper(query_step, [=] {
        previous_executor_finish != nullptr ? previous_executor_finish(query)
                                            : standard_ExecutorFinish(query);
    });
}

void executor_end(QueryDesc* query) {
    deeper(query_step, [=] {
        previous_executor_end != nullptr ? previous_executor_end(query) : standard_ExecutorEnd(query);
    });
}

void process_utility(PlannedStmt* statement, const char* source, bool is_read_only,
                     ProcessUtilityContext context, ParamListInfo parameters, QueryEnvironment* environment,
                     DestReceiver* destination, QueryCompletion* completion) {
    if (guards != nullptr && guards->utility_guard != nullptr) guards->utility_guard(statement, source);
    const ProcessUtility_hook_type next =
        previous_utility != nullptr ? previous_utility : standard_ProcessUtility;
    deeper(other_step, [=] {
        next(statement, source, is_read_only, context, parameters, environment, destination, completion);
    });
}

/// C and internal functions are what is called, not what calls. SQL functions run by the executor, and saying
/// yes here would keep the planner from inlining them.
bool is_procedural(Oid function) {
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple)) return false;
    const Oid language = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prolang;
    ReleaseSysCache(tuple);
    return language != INTERNALlanguageId && language != ClanguageId && language != SQLlanguageId;
}

bool needs_fmgr(Oid function) {
    return (previous_needs_fmgr != nullptr && previous_needs_fmgr(function)) || is_procedural(function);
}

/// What fmgr_function() keeps per call site: the answer to is_procedural(), and the argument of the next
/// hook.
struct CallSite {
    bool is_counted;
    Datum next_argument;
};

/// Called for every function that passes the server's security wrapper, for whatever reason.
void fmgr_function(FmgrHookEventType event, FmgrInfo* function, Datum* argument) {
    auto* site = reinterpret_cast<CallSite*>(DatumGetPointer(*argument));
    if (site == nullptr) {
        if (event != FHET_START) return;
        site = static_cast<CallSite*>(MemoryContextAllocZero(function->fn_mcxt, sizeof(CallSite)));
        site->is_counted = is_procedural(function->fn_oid);
        *argument = PointerGetDatum(site);
    }
    if (site->is_counted) depth += event == FHET_START ? other_step : -other_step;
    if (previous_fmgr != nullptr) previous_fmgr(event, function, &site->next_argument);
}

} // namespace

int statement_depth() {
    return depth;
}

void set_guards(const PlatformLibrary* library) {
    guards = library;
}

void install_hooks() {
    previous_executor_start = ExecutorStart_hook;
    ExecutorStart_hook = executor_start;
    previous_executor_run = ExecutorRun_hook;
    ExecutorRun_hook = executor_run;
    previous_executor_finish = ExecutorFinish_hook;
    ExecutorFinish_hook = executor_finish;
    previous_executor_end = ExecutorEnd_hook;
    ExecutorEnd_hook = executor_end;
    previous_utility = ProcessUtility_hook;
    ProcessUtility_hook = process_utility;
    previous_needs_fmgr = needs_fmgr_hook;
    needs_fmgr_hook = needs_fmgr;
    previous_fmgr = fmgr_hook;
    fmgr_hook = fmgr_function;
}

} // namespace soup::loader
