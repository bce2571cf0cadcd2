// From a published function to its implementation in SQL or PL/pgSQL.
//
//  - soup_api.f(token, a, b), SECURITY DEFINER, 'soup_api_call': binds the token, then runs soup.api_f(a, b)
//  - soup_api.f(a), SECURITY DEFINER, 'soup_gateway_call': soup.gateway_f(a) in the platform scope gateway
//  - soup.f(a, b), SECURITY DEFINER, 'soup_dba_call': soup.dba_f(a, b) in the platform scope dba
//  - soup.f(org, model, label, a), called by an implementation, 'soup_promoter_call': asks whether the bound
//    principal may promote that label, then runs soup.promoter_f(org, model, label, a) with the whole model,
//    and nothing else, in view
//
// SECURITY DEFINER makes the current user soup_owner before we are called; row-level security is forced on
// it. The implementation is called with the caller's result info, so sets pass through in whichever mode it
// returns them. It is looked up by name and argument types once per call site and never by what a caller
// sends.
#include "access/binding.hpp"
#include "access/rights.hpp"
#include "boundary/boundary.hpp"
#include "boundary/datum.hpp"

extern "C" {
#include "executor/executor.h"
#include "nodes/execnodes.h"
#include "parser/parse_func.h"
#include "access/htup_details.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace soup::access {

namespace {

/// What a call site keeps: flat, in the memory of the caller's FmgrInfo.
struct Target {
    FmgrInfo function;
    int argument_count;
    bool is_strict;
    bool is_in_progress; ///< A set-returning call that has not ended. See note_progress.
    bool may_write;      ///< Published as VOLATILE.
};

/// Finds <schema soup>.<prefix><name> with the published function's argument types from `skipped` on.
Target* find_target(FmgrInfo* published, const char* prefix, int skipped) {
    return pg::call([&] {
        HeapTuple row = SearchSysCache1(PROCOID, ObjectIdGetDatum(published->fn_oid));
        if (!HeapTupleIsValid(row)) elog(ERROR, "cache lookup failed for function %u", published->fn_oid);
        const auto* form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(row));
        char name[NAMEDATALEN];
        std::snprintf(name, sizeof name, "%s%s", prefix, NameStr(form->proname));
        const int count = form->pronargs - skipped;
        const bool may_write = form->provolatile == PROVOLATILE_VOLATILE;
        if (count < 0) elog(ERROR, "function %u has no token argument", published->fn_oid);
        Oid types[FUNC_MAX_ARGS];
        for (int i = 0; i < count; ++i)
            types[i] = form->proargtypes.values[i + skipped];
        ReleaseSysCache(row);
        const Oid function =
            LookupFuncName(list_make2(makeString(pstrdup("soup")), makeString(name)), count, types, false);
        auto* target = static_cast<Target*>(MemoryContextAllocZero(published->fn_mcxt, sizeof(Target)));
        fmgr_info_cxt(function, &target->function, published->fn_mcxt);
        // The published function's own expression: result types that depend on the call are the same for
        // both.
        target->function.fn_expr = published->fn_expr;
        target->argument_count = count;
        target->is_strict = target->function.fn_strict;
        target->may_write = may_write;
        return target;
    });
}

Target& target_of(FunctionCallInfo fcinfo, const char* prefix, int skipped) {
    if (fcinfo->flinfo->fn_extra == nullptr)
        fcinfo->flinfo->fn_extra = find_target(fcinfo->flinfo, prefix, skipped);
    return *static_cast<Target*>(fcinfo->flinfo->fn_extra);
}

/// Before the arguments are looked at: a standby says the same to every call of what writes.
void refuse_on_standby(const Target& target) {
    if (target.may_write && RecoveryInProgress())
        throw Error("25006", "PRIMARY_ONLY", "this function works on the primary only");
}

/// The executor may leave a set before its end and begin another one at the same call site: LIMIT in a
/// subquery, once for each outer row. That is a new call with arguments of its own, its token included.
void forget_progress(Datum target) noexcept {
    reinterpret_cast<Target*>(DatumGetPointer(target))->is_in_progress = false;
}

void note_progress(Target& target, const ReturnSetInfo* info) {
    const bool is_in_progress = info != nullptr && IsA(info, ReturnSetInfo) &&
                                info->returnMode == SFRM_ValuePerCall && info->isDone == ExprMultipleResult;
    if (is_in_progress == target.is_in_progress) return;
    // The server drops the callback when it has called it, so it is there exactly while the set is in
    // progress.
    pg::call([&] {
        (is_in_progress ? RegisterExprContextCallback : UnregisterExprContextCallback)(
            info->econtext, forget_progress, PointerGetDatum(&target));
    });
    target.is_in_progress = is_in_progress;
}

Datum run(FunctionCallInfo fcinfo, Target& target, int skipped) {
    LOCAL_FCINFO(inner, FUNC_MAX_ARGS);
    InitFunctionCallInfoData(*inner, &target.function, static_cast<short>(target.argument_count),
                             fcinfo->fncollation, nullptr, fcinfo->resultinfo);
    for (int i = 0; i < target.argument_count; ++i) {
        inner->args[i] = fcinfo->args[i + skipped];
        if (target.is_strict && inner->args[i].isnull)
            throw bad_input("an argument that must not be null is null");
    }
    const Datum result = pg::call([&] { return FunctionCallInvoke(inner); });
    fcinfo->isnull = inner->isnull;
    note_progress(target, reinterpret_cast<const ReturnSetInfo*>(fcinfo->resultinfo));
    return result;
}

} // namespace

} // namespace soup::access

SOUP_FUNCTION(soup_api_call) {
    using namespace soup::access;
    Target& target = target_of(fcinfo, "api_", 1);
    if (!target.is_in_progress) bind(fcinfo);
    refuse_on_standby(target);
    return run(fcinfo, target, 1);
}

SOUP_FUNCTION(soup_dba_call) {
    using namespace soup::access;
    const PlatformScope scope(Platform::dba);
    Target& target = target_of(fcinfo, "dba_", 0);
    refuse_on_standby(target);
    return run(fcinfo, target, 0);
}

SOUP_FUNCTION(soup_gateway_call) {
    using namespace soup::access;
    const PlatformScope scope(Platform::gateway);
    return run(fcinfo, target_of(fcinfo, "gateway_", 0), 0);
}

SOUP_FUNCTION(soup_promoter_call) {
    using namespace soup;
    using namespace soup::access;
    const Identity& identity = require_principal();
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2)) throw not_found("no such version");
    const Uuid org = pg::to_uuid(PG_GETARG_DATUM(0));
    const Uuid model = pg::to_uuid(PG_GETARG_DATUM(1));
    require(identity, Right::promote, org, model, pg::Varlena(PG_GETARG_DATUM(2)).text());
    const ModelScope scope(org, model);
    return run(fcinfo, target_of(fcinfo, "promoter_", 0), 0);
}
