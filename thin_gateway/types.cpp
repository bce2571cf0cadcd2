// See types.hpp.
#include "thin_gateway/types.hpp"

#include <algorithm>
#include <array>

namespace soup::gateway {
namespace {

struct Name {
    std::string_view name;
    Scalar scalar;
    std::uint32_t oid;
    std::uint32_t array_oid;
};

constexpr std::array names{
    Name{"boolean", Scalar::boolean, oid::boolean, 1000},
    Name{"smallint", Scalar::int2, oid::int2, 1005},
    Name{"integer", Scalar::int4, oid::int4, 1007},
    Name{"bigint", Scalar::int8, oid::int8, 1016},
    Name{"real", Scalar::float4, oid::float4, 1021},
    Name{"double precision", Scalar::float8, oid::float8, 1022},
    Name{"text", Scalar::text, oid::text, 1009},
    Name{"uuid", Scalar::uuid, oid::uuid, 2951},
    Name{"timestamp with time zone", Scalar::timestamptz, oid::timestamptz, 1185},
    Name{"json", Scalar::json, oid::json, 199},
    Name{"jsonb", Scalar::jsonb, oid::jsonb, 3807},
    Name{"bytea", Scalar::bytea, oid::bytea, 1001},
    // Short names, for catalogues that use them.
    Name{"bool", Scalar::boolean, oid::boolean, 1000},
    Name{"int2", Scalar::int2, oid::int2, 1005},
    Name{"int4", Scalar::int4, oid::int4, 1007},
    Name{"int", Scalar::int4, oid::int4, 1007},
    Name{"int8", Scalar::int8, oid::int8, 1016},
    Name{"float4", Scalar::float4, oid::float4, 1021},
    Name{"float8", Scalar::float8, oid::float8, 1022},
    Name{"timestamptz", Scalar::timestamptz, oid::timestamptz, 1185},
};

} // namespace

std::optional<Type> type_named(std::string_view name) {
    Type type;
    if (name.ends_with("[]")) {
        type.is_array = true;
        name.remove_suffix(2);
    }
    const auto it = std::find_if(names.begin(), names.end(), [&](const Name& n) { return n.name == name; });
    if (it == names.end()) return std::nullopt;
    type.scalar = it->scalar;
    return type;
}

std::uint32_t oid_of(Scalar scalar) {
    return oid_of(Type{scalar, false});
}

std::uint32_t oid_of(Type type) {
    const auto& name =
        *std::find_if(names.begin(), names.end(), [&](const Name& n) { return n.scalar == type.scalar; });
    return type.is_array ? name.array_oid : name.oid;
}

} // namespace soup::gateway
