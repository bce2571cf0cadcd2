// Names to identifiers, as far as a principal may see them: absent and invisible are the same NOT_FOUND.
//
// Read by index scans past the executor with a fresh snapshot, so it works inside policies and parallel
// workers and needs no scope. Costs a hash look-up once cached.
#pragma once

#include "access/identity.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace soup::access {

struct ModelRef {
    Uuid org{};
    Uuid model{};
    std::int32_t epoch = 0;
    std::optional<Uuid> default_version;
    std::string name;
};

struct VersionRef {
    Uuid org{};
    Uuid model{};
    Uuid version{};
    std::string label;
    std::string state;   ///< staged, active, retired or suspended
    std::string storage; ///< Its table in soup_data.
};

/// Throws NOT_FOUND; BAD_INPUT to a principal without org for a name that several orgs use in which it has
/// grants.
ModelRef find_model(const Identity& identity, std::string_view name);

/// The labelled version, or without label the model's default. Throws NOT_FOUND, also when there is no
/// default.
VersionRef find_version(const Identity& identity, const ModelRef& model,
                        std::optional<std::string_view> label);

/// A version by its identifier, as page tokens carry it. Throws NOT_FOUND.
VersionRef find_version_by_id(const Identity& identity, const ModelRef& model, const Uuid& version);

/// The label of a version, whoever asks; none when there is no such version.
std::optional<std::string> label_of(const Uuid& org, const Uuid& model, const Uuid& version);

/// Its manifest, as stored (JSON text). Throws NOT_FOUND when the version has gone.
std::string read_manifest(const VersionRef& version);

} // namespace soup::access
