// What a worker serves: one lane of one version in one partition, or the version's fit.
#pragma once

#include "core/crypto/uuid.hpp"

#include <compare>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace soup::workers {

using crypto::Uuid;

/// The lanes of soup.cursor, and the fit, which reads both.
enum class Lane : std::uint8_t { default_routed, labelled, fit };

/// As soup.cursor and soup.work spell it.
inline std::string_view lane_name(Lane lane) noexcept {
    switch (lane) {
    case Lane::default_routed:
        return "default";
    case Lane::labelled:
        return "label";
    case Lane::fit:
        return "fit";
    }
    return "";
}

inline Lane parse_lane(std::string_view name) {
    for (Lane lane : {Lane::default_routed, Lane::labelled, Lane::fit})
        if (lane_name(lane) == name) return lane;
    throw std::logic_error("unknown lane \"" + std::string(name) + "\"");
}

struct LaneKey {
    Uuid org{};
    Uuid model{};
    Uuid version{};
    std::int32_t partition = 0;
    Lane lane = Lane::default_routed;

    auto operator<=>(const LaneKey&) const = default;
};

} // namespace soup::workers
