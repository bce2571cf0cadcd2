// The scope in force and the stack beneath it. Inside this room; others use scope.hpp and binding.hpp.
#pragma once

#include "access/grants.hpp"
#include "access/scope.hpp"
#include "boundary/boundary.hpp"

namespace soup::access {

enum class Reach : std::uint8_t { principal, version, platform, model };

/// What lies in the shared slot. Flat, so that a parallel worker can copy it.
struct Scope {
    Reach reach;
    Platform platform;        ///< With Reach::platform.
    Identity identity;        ///< With Reach::principal; likewise grants_digest.
    Uuid org, model, version; ///< With Reach::version; org and model with Reach::model.
    crypto::Digest grants_digest;
};
static_assert(std::is_trivially_copyable_v<Scope>);

/// The scope in force here: this process's own, or in a parallel worker its leader's. Null: nothing is bound.
const Scope* current_scope();
/// The same, but throws NOT_BOUND.
const Scope& require_bound();

/// Another number whenever the scope in force, or what it holds, has changed.
std::uint64_t scope_serial() noexcept;

/// The grants of the bound principal, fixed while a statement runs. In a parallel worker: loaded there, and
/// an error if they are not the leader's.
const GrantSet& bound_grants(const Scope& scope);

/// Puts a principal at the bottom of the empty stack, or renews the grants of the one that is there.
void bind_scope(const Identity& identity, std::shared_ptr<const GrantSet> grants);

/// Puts a scope on top; returns the depth below it. take_off() restores that depth.
int put_on(const Scope& scope);
void take_off(int depth) noexcept;

/// Registers what clears slot and stack when transactions and processes end.
void register_scope_callbacks();

} // namespace soup::access
