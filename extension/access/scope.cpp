// The scopes of C++ entry points, and the answer to "is this in reach".
#include "access/scope.hpp"

#include "access/resolve.hpp"
#include "access/scope_state.hpp"
#include "boundary/datum.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "utils/acl.h"
}

namespace soup::access {

detail::PushedScope::~PushedScope() {
    take_off(depth_);
}

PlatformScope::PlatformScope(Platform platform) {
    Scope scope{};
    scope.reach = Reach::platform;
    scope.platform = platform;
    depth_ = put_on(scope);
}

VersionScope::VersionScope(const Uuid& org, const Uuid& model, const Uuid& version) {
    Scope scope{};
    scope.reach = Reach::version;
    scope.org = org;
    scope.model = model;
    scope.version = version;
    depth_ = put_on(scope);
}

ModelScope::ModelScope(const Uuid& org, const Uuid& model) {
    Scope scope{};
    scope.reach = Reach::model;
    scope.org = org;
    scope.model = model;
    depth_ = put_on(scope);
}

OwnerScope::OwnerScope() {
    const Oid owner = pg::call([] { return get_role_oid("soup_owner", false); });
    GetUserIdAndSecContext(&previous_user_, &previous_context_);
    SetUserIdAndSecContext(owner, previous_context_ | SECURITY_LOCAL_USERID_CHANGE);
}

OwnerScope::~OwnerScope() {
    SetUserIdAndSecContext(previous_user_, previous_context_);
}

namespace {

bool grants_allow(const Scope& scope, const Uuid& org, const Uuid* model, const Uuid* version) {
    if (scope.identity.has_org() && scope.identity.org != org) return false;
    const GrantSet& set = bound_grants(scope);
    bool needs_label = false;
    for (const Grant& grant : set.grants) {
        if (grant.org != org || (model != nullptr && grant.model && *grant.model != *model)) continue;
        if (model == nullptr || version == nullptr || grant.reaches_every_label()) return true;
        needs_label = true;
    }
    if (!needs_label) return false;
    const std::optional<std::string> label = label_of(org, *model, *version);
    if (!label) return false;
    for (const Grant& grant : set.grants)
        if (grant.reaches(org, *model) && label_matches(grant.label_pattern, *label)) return true;
    return false;
}

/// Answers for the scope in force, so that asking once per row costs a few ns. Direct-mapped.
struct Answer {
    std::uint64_t serial;
    Uuid org, model, version;
    bool has_model, has_version, is_allowed;
};
constexpr std::size_t answer_count = 256;
Answer answers[answer_count];

Answer& place_of(const Uuid& model, const Uuid& version) noexcept {
    std::uint64_t mixed = 0;
    std::uint64_t other = 0;
    std::memcpy(&mixed, model.data(), sizeof mixed);
    std::memcpy(&other, version.data(), sizeof other);
    return answers[((mixed ^ (other * 3)) * 0x9e3779b97f4a7c15U) >> 56];
}

bool principal_allows(const Scope& scope, const Uuid& org, const Uuid* model, const Uuid* version) {
    const Uuid& in_model = model != nullptr ? *model : crypto::nil_uuid;
    const Uuid& in_version = version != nullptr ? *version : crypto::nil_uuid;
    Answer& answer = place_of(in_model, in_version);
    if (answer.serial == scope_serial() && answer.org == org && answer.model == in_model &&
        answer.version == in_version && answer.has_model == (model != nullptr) &&
        answer.has_version == (version != nullptr)) [[likely]]
        return answer.is_allowed;
    const bool is_allowed = grants_allow(scope, org, model, version);
    answer = {scope_serial(), org, in_model, in_version, model != nullptr, version != nullptr, is_allowed};
    return is_allowed;
}

bool model_allows(const Scope& scope, const Uuid& org, const Uuid* model) noexcept {
    return scope.org == org && model != nullptr && scope.model == *model;
}

bool version_allows(const Scope& scope, const Uuid& org, const Uuid* model, const Uuid* version) noexcept {
    return model_allows(scope, org, model) && (version == nullptr || scope.version == *version);
}

constexpr std::string_view platform_names[] = {"login", "launcher", "dba", "append", "gateway"};

std::optional<Platform> parse_platform(std::string_view name) noexcept {
    for (std::size_t i = 0; i < std::size(platform_names); ++i)
        if (platform_names[i] == name) return static_cast<Platform>(i + 1);
    return std::nullopt;
}

const Uuid* argument(FunctionCallInfo fcinfo, int number) {
    if (PG_ARGISNULL(number)) return nullptr;
    return reinterpret_cast<const Uuid*>(PG_GETARG_UUID_P(number)->data);
}

} // namespace

bool scope_allows(const Uuid* org, const Uuid* model, const Uuid* version) {
    const Scope& scope = require_bound();
    if (org == nullptr) return false;
    switch (scope.reach) {
    case Reach::principal:
        return principal_allows(scope, *org, model, version);
    case Reach::version:
        return version_allows(scope, *org, model, version);
    case Reach::model:
        return model_allows(scope, *org, model);
    case Reach::platform:
        return false;
    }
    return false;
}

bool platform_allows(Platform platform) {
    const Scope& scope = require_bound();
    return scope.reach == Reach::platform && scope.platform == platform;
}

bool is_version_scope(const Uuid& org, const Uuid& model, const Uuid& version) {
    const Scope& scope = require_bound();
    return scope.reach == Reach::version && scope.org == org && scope.model == model &&
           scope.version == version;
}

} // namespace soup::access

SOUP_FUNCTION(soup_scope_allows) {
    using namespace soup::access;
    return BoolGetDatum(scope_allows(argument(fcinfo, 0), argument(fcinfo, 1), argument(fcinfo, 2)));
}

SOUP_FUNCTION(soup_platform_allows) {
    using namespace soup::access;
    require_bound();
    if (PG_ARGISNULL(0)) return BoolGetDatum(false);
    const auto platform = parse_platform(soup::pg::Varlena(PG_GETARG_DATUM(0)).text());
    if (!platform) throw soup::bad_input("platform scope is unknown");
    return BoolGetDatum(platform_allows(*platform));
}
