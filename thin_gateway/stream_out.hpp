// A result as NDJSON, from PostgreSQL to the client's socket row by row.
//
// The last line is {"end":true,"rows":N}. If the stream breaks after its first bytes, it ends without that
// line and without the end of its HTTP framing: nobody can take it for whole.
#pragma once

#include "thin_gateway/catalogue.hpp"
#include "thin_gateway/dispatch.hpp"
#include "thin_gateway/pg_call.hpp"

namespace soup::gateway {

/// A problem, when it arose before the first byte was written; otherwise the exchange says how it went.
Awaitable<std::optional<Problem>> stream_rows(Exchange& exchange, const Function& function,
                                              const PgCall& call);

/// The problem for a client; takes note of what an operator must know.
Problem refusal_of(Exchange& exchange, const ServerError& error);

} // namespace soup::gateway
