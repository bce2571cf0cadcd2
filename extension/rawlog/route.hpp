// Where an append goes: (principal, model, label) → org, model, version, partitions; and whether it may.
//
// The answer costs several index look-ups, so it is kept per process and dropped as a whole when the
// catalogue's generation changes. A cached route is never the last word on the default version: that is read
// from the locked partition row (see partition_rows.hpp), which also carries the epoch that the route was
// made for.
#pragma once

#include "access/resolve.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace soup::rawlog {

using access::Identity;
using crypto::Uuid;

struct Route {
    access::ModelRef model;
    std::vector<std::int32_t> partitions; ///< Of this epoch, ascending; never empty.
    std::optional<Uuid> explicit_version; ///< What the label names.
    std::optional<Uuid>
        default_version;        ///< Of the model when the route was made; for default-routed appends.
    std::string label;          ///< Of the version above that applies; empty if none.
    std::string default_stream; ///< The producer's username.
};

/// The route, with the right to append checked.
/// Throws NOT_FOUND, SCOPE.
std::shared_ptr<const Route> find_route(const Identity& identity, std::string_view model,
                                        std::optional<std::string_view> label);

/// The label of a version that a partition row names as the default, with the right to append to it checked.
/// Throws SCOPE.
std::string default_label(const Identity& identity, const Route& route, const std::optional<Uuid>& version);

/// The label of a version which an earlier append has answered with; empty when it is out of the principal's
/// sight.
std::string visible_label(const Identity& identity, const Route& route, const Uuid& version);

} // namespace soup::rawlog
