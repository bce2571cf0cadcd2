// From named JSON values, or a query string, to the parameters of one SQL call.
//
// Values are checked by the catalogue's types before a database connection is asked for: integers by their
// grammar and range (1e3 is no integer), real numbers by range, times by RFC 3339. null means absent, so
// the function's own default holds. All throw soup::Error (BAD_INPUT) naming the argument.
#pragma once

#include "thin_gateway/catalogue.hpp"
#include "thin_gateway/url.hpp"

#include <string>
#include <vector>

namespace soup::gateway {

struct Parameter {
    std::string bytes;
    bool is_binary = false;
};

/// Bit i of `given` says that argument i of the function has a value; only those are named in the call.
struct Arguments {
    std::uint64_t given = 0;
    std::vector<Parameter> values; ///< one for each argument of the function

    bool has(std::size_t index) const { return given >> index & 1; }
    void set(std::size_t index, Parameter value) {
        values[index] = std::move(value);
        given |= std::uint64_t{1} << index;
    }
};

Arguments arguments_from_json(const Function& function, std::string_view body);
Arguments arguments_from_query(const Function& function, const Query& query);

/// The Idempotency-Key header as an argument: refused by functions that have none, and beside the argument.
void set_idempotency_key(const Function& function, Arguments& arguments, std::string_view key);

/// After everything was set.
void check_required(const Function& function, const Arguments& arguments);

/// A key as it may come in a header: printable ASCII, 1 to 200 bytes.
void check_idempotency_key(std::string_view key);

} // namespace soup::gateway
