// Regions as conditions that the index of a version's positions serves.
//
// Positions are kept as float4, questions come as double. A box is rounded inwards to the floats that lie in
// it, which changes no answer; where degrees or a distance decide, the condition here only has to hold for
// every answer, and the caller's own condition beside it decides.
#pragma once

#include "core/geodesy/earth.hpp"
#include "serving/version_table.hpp"

namespace soup::serving {

/// "position <@ box" with exactly the positions whose coordinates lie within [lower, upper]; "false" if no
/// float does.
std::string in_box(const VersionTable& table, Statement& statement, std::span<const double> lower,
                   std::span<const double> upper);

/// A condition that holds for every position in a patch of the globe.
std::string in_patch(const VersionTable& table, Statement& statement, std::span<const double> south_west,
                     std::span<const double> north_east);

/// A condition that holds for every position whose distance from `centre`, as the operator computes it, is at
/// most `radius`.
std::string near(const VersionTable& table, Statement& statement, std::span<const double> centre,
                 double radius);

} // namespace soup::serving
