// From a request to what has to be done: a plain function, no sockets, no database.
//
// Everything that can be refused without asking PostgreSQL is refused here, in this order: path, method,
// origin, credential, content type, arguments.
#pragma once

#include "thin_gateway/append_request.hpp"
#include "thin_gateway/arguments.hpp"
#include "thin_gateway/catalogue.hpp"
#include "thin_gateway/request.hpp"

#include <variant>

namespace soup::gateway {

enum class Page : unsigned char { health, ready, metrics, openapi };

struct FunctionCall {
    const Function* function;
    Arguments arguments;
    bool is_stream = false; ///< NDJSON, row by row
};

using Plan = std::variant<Page, FunctionCall, AppendElement>;

struct PlanContext {
    const Catalogue* catalogue; ///< null until PostgreSQL has been reached
    bool serves_internal;
    const RequestLimits& limits;
};

/// What can be refused before the body has come: path, method, origin, credential. Throws Problem. Null: a
/// page.
const Function* check_head(const Request& request, const PlanContext& context);

/// Throws Problem or soup::Error.
Plan plan_request(const Request& request, const PlanContext& context);

/// The route's name for logs and metrics: bounded, and never a customer's word.
std::string_view route_name(const Request& request, const Catalogue* catalogue);

struct Credential {
    enum class Kind : unsigned char { bearer, basic } kind;
    std::string_view value; ///< the token, or base64 of user:passphrase
};
/// Throws Problem NOT_BOUND without one, TOKEN_BAD for one that has no legal form.
Credential credential_of(const Request& request);

} // namespace soup::gateway
