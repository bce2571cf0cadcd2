// Geodetic to earth-centred coordinates; the formula of TR8350.2 with height 0.
#include "core/geodesy/earth.hpp"

#include "core/error.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace soup::geodesy {

namespace {
constexpr double equatorial_radius_metres = 6'378'137.0;
constexpr double flattening = 1.0 / 298.257223563;
constexpr double eccentricity_squared = flattening * (2.0 - flattening);
} // namespace

bool is_place(double latitude_degrees, double longitude_degrees) noexcept {
    // Written so that NaN fails.
    return latitude_degrees >= -90.0 && latitude_degrees <= 90.0 && longitude_degrees >= -180.0 &&
           longitude_degrees <= 180.0;
}

Metres earth_centred(double latitude_degrees, double longitude_degrees) {
    if (!is_place(latitude_degrees, longitude_degrees))
        throw bad_input("latitude must be within -90 and 90 degrees, longitude within -180 and 180");
    double const latitude = latitude_degrees * std::numbers::pi / 180.0;
    double const longitude = longitude_degrees * std::numbers::pi / 180.0;
    double const sine = std::sin(latitude);
    double const prime_vertical_radius =
        equatorial_radius_metres / std::sqrt(1.0 - eccentricity_squared * sine * sine);
    double const from_axis = prime_vertical_radius * std::cos(latitude);
    return {from_axis * std::cos(longitude), from_axis * std::sin(longitude),
            prime_vertical_radius * (1.0 - eccentricity_squared) * sine};
}

namespace {

struct Interval {
    double low, high;
};

Interval times(Interval a, Interval b) noexcept {
    const auto [low, high] = std::minmax({a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high});
    return {low, high};
}

/// Cosines of all angles from `from` eastwards to `to`, in degrees.
Interval cosines(double from, double to) noexcept {
    const auto cosine = [](double degrees) { return std::cos(degrees * std::numbers::pi / 180.0); };
    const auto holds = [&](double angle) { return from + std::fmod(angle - from + 720.0, 360.0) <= to; };
    return {holds(180.0) ? -1.0 : std::min(cosine(from), cosine(to)),
            holds(0.0) ? 1.0 : std::max(cosine(from), cosine(to))};
}

} // namespace

Bounds bounds_of(double south, double west, double north, double east) {
    // The distance from the axis falls towards both poles, the height above the equator's plane rises
    // northwards.
    const double widest = south > 0 ? south : north < 0 ? north : 0;
    const double narrowest = std::abs(south) > std::abs(north) ? south : north;
    const Interval from_axis{earth_centred(narrowest, 0)[0], earth_centred(widest, 0)[0]};
    const double end = west > east ? east + 360.0 : east;
    const Interval x = times(from_axis, cosines(west, end)),
                   y = times(from_axis, cosines(west - 90.0, end - 90.0));
    return {{x.low, y.low, earth_centred(south, 0)[2]}, {x.high, y.high, earth_centred(north, 0)[2]}};
}

} // namespace soup::geodesy
