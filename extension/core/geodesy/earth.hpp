// Degrees to earth-centred metres, so that distance on the globe becomes distance in space.
//
// WGS 84 ellipsoid at height 0: a = 6,378,137 m, f = 1/298.257223563 (NIMA TR8350.2, section 3.2). The
// straight line through the earth between two places (the chord) is what `radius` and `distance` of a latlon
// version mean; below 100 km it is shorter than the way on the surface by less than 1.1 m.
#pragma once

#include <array>

namespace soup::geodesy {

/// x through (0°, 0°), y through (0°, 90° E), z through the north pole; metres.
using Metres = std::array<double, 3>;

/// Latitude −90 … 90 and longitude −180 … 180 in degrees; throws BAD_INPUT outside or when not finite.
Metres earth_centred(double latitude_degrees, double longitude_degrees);

/// Whether degrees are a place: the check of earth_centred without the throw.
bool is_place(double latitude_degrees, double longitude_degrees) noexcept;

} // namespace soup::geodesy
