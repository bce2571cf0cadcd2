// The SQL of the calls: one statement for each function and set of given arguments.
//
// Only names from the catalogue get into SQL text, quoted; whatever a client sent is a parameter. The
// function stands in the select list, because there a value-per-call function streams (in FROM it is
// materialised).
#pragma once

#include "thin_gateway/catalogue.hpp"
#include "thin_gateway/pg_call.hpp"

#include <map>

namespace soup::gateway {

class Statements {
public:
    StatementPtr find(const Function& function, std::uint64_t given);

private:
    // An argument left out means the function's default, so each combination is a statement of its own.
    std::map<std::pair<std::uint64_t, std::uint64_t>, StatementPtr> known_;
};

} // namespace soup::gateway
