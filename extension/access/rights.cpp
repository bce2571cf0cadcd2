// Each question is a walk over the principal's few grants.
#include "access/rights.hpp"

#include "access/grants.hpp"
#include "core/error.hpp"

namespace soup::access {

namespace {

/// Whether a grant exists that reaches this model and satisfies the condition.
template<class Condition>
bool any_grant(const Identity& identity, const Uuid& org, const Uuid& model, Condition condition) {
    if (identity.has_org() && identity.org != org) return false;
    for (const Grant& grant : grants_of(identity.principal)->grants)
        if (grant.reaches(org, model) && condition(grant)) return true;
    return false;
}

} // namespace

bool has_right(const Identity& identity, Right right, const Uuid& org, const Uuid& model,
               std::string_view label) {
    return any_grant(identity, org, model, [&](const Grant& grant) {
        return grant.right == right && label_matches(grant.label_pattern, label);
    });
}

bool may_see_model(const Identity& identity, const Uuid& org, const Uuid& model) {
    return any_grant(identity, org, model, [](const Grant&) { return true; });
}

bool may_see_label(const Identity& identity, const Uuid& org, const Uuid& model, std::string_view label) {
    return any_grant(identity, org, model,
                     [&](const Grant& grant) { return label_matches(grant.label_pattern, label); });
}

void require(const Identity& identity, Right right, const Uuid& org, const Uuid& model,
             std::string_view label) {
    if (has_right(identity, right, org, model, label)) return;
    if (!may_see_label(identity, org, model, label)) throw not_found("no such version");
    throw scope_refused("the right to " + std::string(right_name(right)) + " is missing");
}

} // namespace soup::access
