// The edge between C++ exceptions and ereport.
//
// entry() wraps whatever the server calls: it lets the body throw, waits until the last handler has ended and
// every C++ object is gone, and raises then. call() wraps server code that C++ calls: an ERROR inside it
// becomes a thrown PgError. A PgError that reaches entry() is raised again with everything it carried.
//
// What ERROR does to the counters: errfinish() sets InterruptHoldoffCount, QueryCancelHoldoffCount and
// CritSectionCount to 0, although lightweight locks, buffer locks and pins are still held; the abort of the
// transaction (or subtransaction) releases those and expects the counters at 0. A guard that unlocked while a
// PgError unwinds would drive them below zero, and the backend would never be cancelled again. Guards
// therefore ask server_error_unwinding() and let go only when it is false.
#pragma once

#include "boundary/postgres.hpp"
#include "boundary/faults.hpp"
#include "core/error.hpp"

#define SOUP_EXPORT __attribute__((visibility("default")))

namespace soup::pg {

/// What an error carries, in one malloc-ed piece: it must outlive memory contexts that unwinding deletes.
struct ErrorRecord;

/// An ERROR of the server on its way through C++ frames. Not a std::exception, so that code which translates
/// those cannot swallow it: locks and pins are released by abort alone, and a cancel or shutdown has to pass.
/// Catch it only to tidy up and throw on, or around a subtransaction that is rolled back
/// (subtransaction.hpp).
class PgError {
public:
    explicit PgError(ErrorRecord* record) noexcept : record_(record) {}
    PgError(const PgError& other) noexcept;
    PgError& operator=(const PgError&) = delete;
    ~PgError();

    int sqlstate() const noexcept; ///< Packed as by MAKE_SQLSTATE.
    const char* message() const noexcept;
    const char* detail() const noexcept;          ///< Null if none; likewise below.
    const char* hint() const noexcept;            //
    const char* context() const noexcept;         //
    const char* schema_name() const noexcept;     //
    const char* constraint_name() const noexcept; ///< The reason code, if schema_name() is "soup".

private:
    friend struct ErrorRecord;
    ErrorRecord* record_;
};

/// True from the moment an ERROR left call() until entry() has raised it again or a subtransaction was rolled
/// back.
bool server_error_unwinding() noexcept;

namespace detail {
/// Runs body(argument) under the server's own error trap; throws PgError.
void run_trapped(void (*body)(void*), void* argument);
/// Takes the exception in flight out of C++. Called in a handler only; allocates by malloc, which cannot
/// jump.
ErrorRecord* capture_exception() noexcept;
/// Raises what was captured. No C++ object may be alive in this frame or in frames up to the server's.
[[noreturn]] void raise_captured(ErrorRecord* record);
/// Ends the state that server_error_unwinding() reports, once a rollback has released what the error left
/// held.
void server_error_settled() noexcept;

template<class F, class R>
struct Trapped {
    F* body;
    std::exception_ptr thrown;
    std::optional<R> result;
};
template<class F>
struct Trapped<F, void> {
    F* body;
    std::exception_ptr thrown;
};
} // namespace detail

/// Runs server code, returns its value, throws PgError on ERROR. Inside the body: only trivially destructible
/// locals, for an ERROR jumps over them. Wrap a stretch of work, not every page access: the trap is cheap,
/// not free. A C++ exception thrown in the body passes unharmed.
template<class F>
auto call(F&& body) -> std::decay_t<std::invoke_result_t<F&>> {
    using R = std::decay_t<std::invoke_result_t<F&>>;
    using Body = std::remove_reference_t<F>;
    static_assert(std::is_void_v<R> || std::is_trivially_destructible_v<R>,
                  "call() returns only what may be jumped over: copy into a C++ object outside");
    detail::Trapped<Body, R> trapped;
    trapped.body = &body;
    detail::run_trapped(
        [](void* argument) {
            auto& frame = *static_cast<detail::Trapped<Body, R>*>(argument);
            // The trap's exception stack must be put back by normal return, so a C++ exception waits.
            try {
                if constexpr (std::is_void_v<R>)
                    (*frame.body)();
                else
                    frame.result.emplace((*frame.body)());
            } catch (...) {
                frame.thrown = std::current_exception();
            }
        },
        &trapped);
    if (trapped.thrown) [[unlikely]]
        std::rethrow_exception(std::move(trapped.thrown));
    if constexpr (!std::is_void_v<R>) return *trapped.result;
}

/// Wraps what the server calls. The body may throw soup::Error, PgError, std::bad_alloc, anything; it becomes
/// an ereport(ERROR) with the right SQLSTATE. The body's captures must be trivially destructible or live in
/// no frame at all, because they belong to the frame that the ereport leaves.
template<class F>
auto entry(F&& body) -> std::invoke_result_t<F&> {
    static_assert(std::is_trivially_destructible_v<std::remove_reference_t<F>>,
                  "the captures of an entry() are jumped over: capture by reference or by plain value");
    ErrorRecord* captured;
    try {
        return body();
    } catch (...) {
        captured = detail::capture_exception();
    }
    detail::raise_captured(captured);
}

/// For callbacks that must not raise (exit, abort, context reset): runs the body and at most warns.
void contain_error(const char* what, ErrorRecord* captured) noexcept;
template<class F>
void contain(const char* what, F&& body) noexcept {
    try {
        body();
    } catch (...) {
        contain_error(what, detail::capture_exception());
    }
}

} // namespace soup::pg

/// Defines an exported SQL-callable function (calling convention 1) whose body may throw:
///     SOUP_FUNCTION(svec_dims) { … return Int32GetDatum(n); }
#define SOUP_FUNCTION(name)                                                                                  \
    static Datum name##_body(FunctionCallInfo fcinfo);                                                       \
    extern "C" {                                                                                             \
    SOUP_EXPORT Datum name(FunctionCallInfo fcinfo);                                                         \
    SOUP_EXPORT const Pg_finfo_record* pg_finfo_##name(void);                                                \
    const Pg_finfo_record* pg_finfo_##name(void) {                                                           \
        static const Pg_finfo_record record = {1};                                                           \
        return &record;                                                                                      \
    }                                                                                                        \
    Datum name(FunctionCallInfo fcinfo) {                                                                    \
        return soup::pg::entry([fcinfo] { return name##_body(fcinfo); });                                    \
    }                                                                                                        \
    }                                                                                                        \
    static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)

/// Once per shared library: the magic block and the initialiser, whose body may throw:
///     SOUP_MODULE_INIT() { … }
#define SOUP_MODULE_INIT()                                                                                   \
    static void soup_module_init_body();                                                                     \
    extern "C" {                                                                                             \
    SOUP_EXPORT const Pg_magic_struct* Pg_magic_func(void);                                                  \
    const Pg_magic_struct* Pg_magic_func(void) {                                                             \
        static const Pg_magic_struct magic = PG_MODULE_MAGIC_DATA;                                           \
        return &magic;                                                                                       \
    }                                                                                                        \
    SOUP_EXPORT void _PG_init(void);                                                                         \
    void _PG_init(void) {                                                                                    \
        soup::pg::entry([] { soup_module_init_body(); });                                                    \
    }                                                                                                        \
    }                                                                                                        \
    static void soup_module_init_body()
