// PostgreSQL's binary form of a one-dimensional array, written element by element.
//
// int32 dimensions (0 or 1), int32 has-nulls, int32 element type; with a dimension: int32 length, int32 lower
// bound; then each element as int32 length (-1 for null) and bytes. Elements can be encoded beforehand and
// appended as they are, so a joined append copies its records once.
#pragma once

#include "thin_gateway/wire.hpp"

namespace soup::gateway::pg_array {

inline void begin(std::string& out, std::uint32_t element_oid, std::size_t count) {
    out.clear();
    wire::append<std::int32_t>(out, count ? 1 : 0);
    wire::append<std::int32_t>(out, 1); // may hold nulls; array_recv only wants 0 or 1
    wire::append<std::int32_t>(out, static_cast<std::int32_t>(element_oid));
    if (count == 0) return;
    wire::append<std::int32_t>(out, static_cast<std::int32_t>(count));
    wire::append<std::int32_t>(out, 1);
}

inline void add(std::string& out, std::string_view element) {
    wire::append<std::int32_t>(out, static_cast<std::int32_t>(element.size()));
    out.append(element);
}
inline void add_null(std::string& out) {
    wire::append<std::int32_t>(out, -1);
}
inline void add_int4(std::string& out, std::int32_t element) {
    wire::append<std::int32_t>(out, sizeof element);
    wire::append(out, element);
}
inline void add_int8(std::string& out, std::int64_t element) {
    wire::append<std::int32_t>(out, sizeof element);
    wire::append(out, element);
}
inline void add_float4(std::string& out, float element) {
    wire::append<std::int32_t>(out, sizeof element);
    wire::append(out, std::bit_cast<std::int32_t>(element));
}

} // namespace soup::gateway::pg_array
