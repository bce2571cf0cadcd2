// What the running code may reach: a bound principal, one version (workers), one model (promotions), or the
// platform itself with a fixed list of tables. Row-level security asks here through soup.scope_allows and
// soup.platform_allows; C++ that reads tables without the executor, where policies are not applied, has to
// ask here itself.
//
// The scope in force stands in a shared-memory slot of this backend, so that parallel workers, which have no
// state of ours, see the same one. Only the process that wrote a slot clears it. Scopes nest: the classes
// below put one on top and take it off again at the end of the block, whichever way it ends; the end of a
// (sub)transaction takes off what an error left behind. None can be opened while parallel workers run, for
// they would change scope in the middle of a scan.
#pragma once

#include "access/identity.hpp"

namespace soup::access {

/// What runs without a person. Each has the tables listed in sql/machinesoup/50_row_security.sql and no
/// other.
enum class Platform : std::uint8_t {
    login = 1, ///< passphrases, keys
    launcher,  ///< finds work for processors, maintenance
    dba,       ///< the DBA's functions
    append,    ///< the raw log's tables: append checks each element's token itself
    gateway,   ///< what is served where
};

namespace detail {
class PushedScope {
public:
    PushedScope(const PushedScope&) = delete;
    PushedScope& operator=(const PushedScope&) = delete;

protected:
    PushedScope() = default;
    ~PushedScope();
    int depth_ = 0; ///< Depth of the stack below this scope.
};
} // namespace detail

class PlatformScope : detail::PushedScope {
public:
    explicit PlatformScope(Platform platform);
};

/// Append's own scope; short for PlatformScope{Platform::append}.
class AppendScope : PlatformScope {
public:
    AppendScope() : PlatformScope(Platform::append) {}
};

/// One version of one model of one org, for processors. Its model's rows without version are in reach too.
class VersionScope : detail::PushedScope {
public:
    VersionScope(const Uuid& org, const Uuid& model, const Uuid& version);
};

/// One model of one org with all its versions, whatever their labels: for what has to leave the whole model
/// right, as a promotion does, and was asked for by somebody who sees a part of it. Whoever opens it has
/// checked that principal's right before; nothing of what is read in it may reach the caller unchecked.
class ModelScope : detail::PushedScope {
public:
    ModelScope(const Uuid& org, const Uuid& model);
};

/// Runs as soup_owner for a block, as SECURITY DEFINER functions do. Row-level security stays in force.
class OwnerScope {
public:
    OwnerScope();
    ~OwnerScope();
    OwnerScope(const OwnerScope&) = delete;
    OwnerScope& operator=(const OwnerScope&) = delete;

private:
    unsigned previous_user_;
    int previous_context_;
};

/// What soup.scope_allows answers: a null model means any of the org, a null version any of the model.
/// Throws NOT_BOUND when nothing is bound.
bool scope_allows(const Uuid* org, const Uuid* model, const Uuid* version);

/// What soup.platform_allows answers. Throws NOT_BOUND when nothing is bound.
bool platform_allows(Platform platform);

/// Whether exactly this version's VersionScope is in force. Throws NOT_BOUND when nothing is bound.
bool is_version_scope(const Uuid& org, const Uuid& model, const Uuid& version);

} // namespace soup::access
