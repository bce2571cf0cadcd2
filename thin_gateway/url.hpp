// The request target: its path as it stands, its query decoded.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace soup::gateway {

using Query = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view function_prefix = "/v1/";
/// Where records go: the one path whose bodies may be big.
constexpr std::string_view append_path = "/v1/append";

/// The part before '?'. It is never decoded: no route needs an escape, so an escaped path is no route.
std::string_view path_of(std::string_view target);

/// Names and values after '?', percent-decoded once, '+' as a blank. Throws BAD_INPUT (soup::Error) for a
/// malformed escape, invalid UTF-8, NUL, or a name given twice.
Query query_of(std::string_view target);

} // namespace soup::gateway
