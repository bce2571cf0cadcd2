// SQL functions that throw every kind of error through the boundary, in every nesting.
#include "boundary/boundary.hpp"
#include "boundary/datum.hpp"
#include "boundary/lock_guard.hpp"
#include "boundary/subtransaction.hpp"
#include "tests/boundary/module/witness.hpp"

extern "C" {
#include "storage/lwlock.h"
}

using soup::pg::call;

namespace {

/// An ERROR with everything that one may carry.
[[noreturn]] void raise_full() {
    ereport(ERROR, errcode(ERRCODE_UNIQUE_VIOLATION), errmsg("a server message"), errdetail("A detail."),
            errhint("A hint."), errcontext("a context"), err_generic_string(PG_DIAG_SCHEMA_NAME, "a_schema"),
            err_generic_string(PG_DIAG_TABLE_NAME, "a_table"),
            err_generic_string(PG_DIAG_COLUMN_NAME, "a_column"),
            err_generic_string(PG_DIAG_DATATYPE_NAME, "a_type"),
            err_generic_string(PG_DIAG_CONSTRAINT_NAME, "a_constraint"));
    pg_unreachable();
}

[[noreturn]] void throw_refusal() {
    throw soup::Error("22023", "BAD_INPUT", "a refusal", "A detail.", "A hint.");
}

/// What the server would call back: a function of ours inside a call of ours.
void callback() {
    soup::pg::entry([] {
        Witness witness;
        throw_refusal();
    });
}

void throw_kind(std::string_view kind) {
    Witness witness;
    if (kind == "refusal") throw_refusal();
    if (kind == "no reason") throw soup::Error("22P02", "", "a plain refusal");
    if (kind == "long") throw soup::Error("22023", "BAD_INPUT", std::string(100'000, 'x'));
    if (kind == "bad_alloc") throw std::bad_alloc();
    if (kind == "standard") throw std::logic_error("a broken promise");
    if (kind == "unknown") throw 42;
    if (kind == "server") call([] { raise_full(); });
    if (kind == "nested") call([] { callback(); });
    if (kind == "refusal in call") call([] { throw_refusal(); });
    if (kind == "nested call") call([] { call([] { raise_full(); }); });
    if (kind == "invalid size") call([] { return palloc(static_cast<Size>(-1)); });
    if (kind == "no memory") call([] { return MemoryContextAllocHuge(CurrentMemoryContext, Size{1} << 60); });
    if (kind == "rethrown") {
        try {
            call([] { raise_full(); });
        } catch (const soup::pg::PgError&) {
            Witness another;
            throw;
        }
    }
    if (kind == "locked") {
        soup::pg::LockGuard lock(AddinShmemInitLock, LW_SHARED);
        call([] { raise_full(); });
    }
    if (kind == "locked refusal") {
        soup::pg::LockGuard lock(AddinShmemInitLock, LW_SHARED);
        throw_refusal();
    }
    if (kind == "server, no memory for it") {
        soup::pg::faults::counters.until_keeping_fails = 1;
        call([] { raise_full(); });
    }
    if (kind == "sleep") call([] { DirectFunctionCall1(pg_sleep, Float8GetDatum(60.0)); });
    if (kind == "fatal") call([] { ereport(FATAL, errmsg("a fatal end")); });
    if (kind == "contained") {
        soup::pg::contain("a tidy-up", [] { throw_refusal(); });
        return;
    }
    throw soup::bad_input("no such kind: " + std::string(kind));
}

} // namespace

/// soup_test_throw(kind text)
SOUP_FUNCTION(soup_test_throw) {
    throw_kind(soup::pg::to_string(PG_GETARG_DATUM(0)));
    PG_RETURN_VOID();
}

/// soup_test_survive(kind text): what a subtransaction makes of it: SQLSTATE and reason.
SOUP_FUNCTION(soup_test_survive) {
    const std::string kind = soup::pg::to_string(PG_GETARG_DATUM(0));
    auto refusal = soup::pg::try_in_subtransaction([&] { throw_kind(kind); });
    return soup::pg::make_text(refusal ? unpack_sql_state(refusal->sqlstate) + (" " + refusal->reason)
                                       : "none");
}

/// soup_test_counters(): what must be 0 in a quiet backend, the last one being C++ objects still alive.
SOUP_FUNCTION(soup_test_counters) {
    // Raising or passing an ERROR must leave these as they were before; this function itself holds nothing.
    return soup::pg::make_text(
        std::to_string(InterruptHoldoffCount) + " " + std::to_string(QueryCancelHoldoffCount) + " " +
        std::to_string(CritSectionCount) + " " + std::to_string(soup::pg::server_error_unwinding()) + " " +
        std::to_string(Witness::alive));
}
