// The SQL types that cross HTTP, and how each is known: by name in the catalogue, by OID on the wire.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace soup::gateway {

/// PostgreSQL's object ids of built-in types; they are fixed for ever (pg_type.dat).
namespace oid {
inline constexpr std::uint32_t boolean = 16, bytea = 17, int8 = 20, int2 = 21, int4 = 23, text = 25,
                               json = 114, float4 = 700, float8 = 701, timestamptz = 1184, uuid = 2950,
                               jsonb = 3802, record = 2249, bytea_array = 1001, int4_array = 1007,
                               text_array = 1009, timestamptz_array = 1185;
} // namespace oid

enum class Scalar : unsigned char {
    boolean,
    int2,
    int4,
    int8,
    float4,
    float8,
    text,
    uuid,
    timestamptz,
    json,
    jsonb,
    bytea
};

struct Type {
    Scalar scalar = Scalar::text;
    bool is_array = false;
};

/// From the name that format_type() gives ("double precision", "real[]"); nullopt for any other type.
std::optional<Type> type_named(std::string_view name);

std::uint32_t oid_of(Scalar scalar);
std::uint32_t oid_of(Type type);

} // namespace soup::gateway
