// What implementations in SQL and PL/pgSQL ask about the bound principal.
#include "access/binding.hpp"
#include "access/catalogue_scan.hpp"
#include "access/grants.hpp"
#include "access/rights.hpp"

extern "C" {
#include "utils/fmgroids.h"
}

namespace soup::access {

namespace {

const Identity& require_principal() {
    const Identity* identity = bound();
    if (identity == nullptr) throw Error("28000", "NOT_BOUND", "no principal is bound to this transaction");
    return *identity;
}

/// The org that a model belongs to, among those of the principal's grants.
std::optional<Uuid> org_of(const Identity& identity, const Uuid& model) {
    if (identity.has_org()) return identity.org;
    for (const Grant& grant : grants_of(identity.principal)->grants) {
        if (!grant.reaches(grant.org, model)) continue;
        const KeyColumn key[] = {{1, F_UUID_EQ, search_uuid(grant.org)}, {2, F_UUID_EQ, search_uuid(model)}};
        if (!FoundRows("model", "model_pkey", key).empty()) return grant.org;
    }
    return std::nullopt;
}

} // namespace

} // namespace soup::access

SOUP_FUNCTION(soup_bound_principal) {
    return soup::pg::make_uuid(soup::access::require_principal().principal);
}

SOUP_FUNCTION(soup_require_right) {
    using namespace soup;
    using namespace soup::access;
    const Identity& identity = require_principal();
    const auto right = parse_right(pg::to_string(PG_GETARG_DATUM(0)));
    if (!right) throw bad_input("right is unknown");
    const Uuid model = pg::to_uuid(PG_GETARG_DATUM(1));
    const auto org = org_of(identity, model);
    if (!org) throw not_found("no such model");
    require(identity, *right, *org, model, pg::Varlena(PG_GETARG_DATUM(2)).text());
    PG_RETURN_VOID();
}
