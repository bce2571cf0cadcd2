// Geodetic to earth-centred coordinates; the formula of TR8350.2 with height 0.
#include "core/geodesy/earth.hpp"

#include "core/error.hpp"

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

} // namespace soup::geodesy
