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

/// A box in space around a patch of the globe: every place within the degrees lies in it. A western border
/// above the eastern one means across 180°.
struct Bounds {
    Metres lower, upper;
};
Bounds bounds_of(double south, double west, double north, double east);

/// Whether degrees are a place: the check of earth_centred without the throw.
bool is_place(double latitude_degrees, double longitude_degrees) noexcept;

} // namespace soup::geodesy
