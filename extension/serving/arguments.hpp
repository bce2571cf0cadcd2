// Arguments of the serving functions, as values: absent where null, refused where no question can be meant.
#pragma once

#include "access/binding.hpp"
#include "boundary/array.hpp"

namespace soup::serving {

/// Binds the token, the first argument of every function here; TOKEN_BAD when it is null.
const access::Identity& bind_call(FunctionCallInfo fcinfo);
/// The text argument, copied; null where the caller gave none.
std::optional<std::string> text_argument(FunctionCallInfo fcinfo, int number);
/// The text argument; BAD_INPUT when null.
std::string required_text(FunctionCallInfo fcinfo, int number, const char* name);
/// Finite numbers of real[] or double precision[]; BAD_INPUT when null, of several dimensions, with nulls,
/// NaN or infinity.
std::vector<double> required_numbers(FunctionCallInfo fcinfo, int number, const pg::ElementType& type,
                                     const char* name);
/// jsonb as text; null where the caller gave none.
std::optional<std::string> jsonb_argument(FunctionCallInfo fcinfo, int number);
/// An integer; `fallback` where null; BAD_INPUT outside [low, high].
int bounded_integer(FunctionCallInfo fcinfo, int number, const char* name, int fallback, int low, int high);

inline std::optional<std::string_view> view(const std::optional<std::string>& text) {
    return text ? std::optional<std::string_view>(*text) : std::nullopt;
}

} // namespace soup::serving
