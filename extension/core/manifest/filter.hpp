// The filter language: conditions on declared attributes, joined by and, with total operators only.
//
//   {"score": {"gt": 0.5, "lte": 2}, "machine": "pump-7", "grade": {"in": ["a", "b"]}}
//
// There is no expression in it: no function, no cast, no nesting. The result is typed terms, from which the
// server composes fixed SQL with parameters.
#pragma once

#include "core/manifest/manifest.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace soup::manifest {

enum class FilterOp : std::uint8_t { eq, ne, lt, lte, gt, gte, in };

std::string_view op_name(FilterOp op) noexcept; ///< "eq", "ne", …

/// boolean → bool; integer, bigint → int64; timestamptz → int64, microseconds since 1970; real, double →
/// double (already rounded to a float for real, so that = finds what was stored); text → string.
using FilterValue = std::variant<bool, std::int64_t, double, std::string>;

struct Term {
    std::size_t attribute; ///< index into the declared attributes
    FilterOp op;
    std::vector<FilterValue> values; ///< exactly one, except for `in`: 0–1,000
};

inline constexpr std::size_t filter_terms_max = 64;
inline constexpr std::size_t filter_in_max = 1000;
inline constexpr std::size_t filter_bytes_max = std::size_t{1} << 20;

/// Throws BAD_INPUT naming the attribute: unknown, wrong type, operator that it does not have, too many.
std::vector<Term> parse_filter(std::string_view json, std::span<const Attribute> attributes);

} // namespace soup::manifest
