// What a client sees when something is refused, and the published table from reason codes and
// SQLSTATEs to HTTP.
//
// A refusal raised by machinesoup carries its reason code in PostgreSQL's constraint-name field and
// "soup" in the schema-name field; those two decide, never the message's wording. An error without
// that mark is looked up by SQLSTATE, then by SQLSTATE class, and shows a fixed text only: a client
// never sees SQL, names of relations, or the server's own wording.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace soup {
class Error;
}

namespace soup::gateway {

/// One row of the published table.
struct ErrorRule {
    std::string_view key;  ///< Reason code, SQLSTATE (5) or SQLSTATE class (2).
    std::string_view code; ///< The stable code that the client reads.
    unsigned status;
    std::string_view title;
    unsigned retry_after_s; ///< 0: no Retry-After header.
};

/// What PostgreSQL said, as far as the gateway may use it.
struct ServerError {
    std::string sqlstate;
    std::string reason; ///< Empty unless the error carries machinesoup's mark.
    std::string message;
    std::string detail;
};

/// A refusal on its way to the client; thrown while a request is read and planned.
struct Problem {
    const ErrorRule* rule;
    std::string detail;
    /// Value of the Allow header of a 405. GCC warns of shorter initialisers without a default.
    std::string_view allow = {}; // NOLINT(readability-redundant-member-init)
};

std::span<const ErrorRule> error_rules();

/// The rule of a code that is known at compile time to be in the table.
const ErrorRule& rule_of(std::string_view code);
Problem problem(std::string_view code, std::string detail);
Problem problem_from(const Error& refusal);
Problem problem_from(const ServerError& error);

/// True for errors after which the same read may be tried again at once: serialisation failure, deadlock.
bool is_transient(const ServerError& error);
/// True when the session holds a library that an upgrade has replaced: nothing was done, and the same call
/// works in a fresh session.
bool is_outdated(const ServerError& error);

/// Appends the application/problem+json document.
void write_problem(std::string& out, const Problem& problem, std::string_view request_id);

/// The table as a page of documentation (Markdown), so that code and document are one.
std::string errors_page();

} // namespace soup::gateway
