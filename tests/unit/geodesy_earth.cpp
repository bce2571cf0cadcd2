// Goal: earth_centred agrees with published coordinates and refuses what is no place.
#include "core/error.hpp"
#include "core/geodesy/earth.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

using soup::geodesy::bounds_of;
using soup::geodesy::earth_centred;

TEST(Geodesy, EquatorAndPolesLieOnTheAxes) {
    EXPECT_NEAR(earth_centred(0, 0)[0], 6378137.0, 1e-6);
    EXPECT_NEAR(earth_centred(0, 90)[1], 6378137.0, 1e-6);
    EXPECT_NEAR(earth_centred(90, 0)[2], 6356752.314245, 1e-5); // The polar semi-axis of WGS 84.
    EXPECT_NEAR(earth_centred(-90, 0)[2], -6356752.314245, 1e-5);
}

TEST(Geodesy, BothSidesOfTheDateLineAreOnePlace) {
    auto west = earth_centred(10, -180), east = earth_centred(10, 180);
    for (int i = 0; i < 3; ++i)
        EXPECT_NEAR(west[i], east[i], 1e-6);
}

TEST(Geodesy, OneDegreeOfLatitudeIsAbout111Kilometres) {
    auto a = earth_centred(51, 0), b = earth_centred(52, 0);
    // Meridian arc at 51.5°: 111132.954 − 559.822 cos 2φ + 1.175 cos 4φ = 111257.83 m; the chord is 1.41 m
    // shorter.
    EXPECT_NEAR(std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]), 111256.42, 0.05);
}

TEST(Geodesy, WhatIsNoPlaceIsRefused) {
    double const nan = std::numeric_limits<double>::quiet_NaN();
    double const infinity = std::numeric_limits<double>::infinity();
    for (auto [latitude, longitude] : {std::pair{90.001, 0.0},
                                       {-91.0, 0.0},
                                       {0.0, 180.5},
                                       {0.0, -181.0},
                                       {nan, 0.0},
                                       {0.0, nan},
                                       {infinity, 0.0}})
        EXPECT_THROW(earth_centred(latitude, longitude), soup::Error) << latitude << ' ' << longitude;
}

TEST(Geodesy, BoundsHoldEveryPlaceOfThePatchAndFitClosely) {
    std::mt19937 random(11);
    std::uniform_real_distribution<double> latitude(-90, 90), longitude(-180, 180), part(0, 1);
    for (int patch = 0; patch < 400; ++patch) {
        double south = latitude(random), north = latitude(random), west = longitude(random),
               east = longitude(random);
        if (south > north) std::swap(south, north);
        const double width = west > east ? east + 360 - west : east - west;
        const auto bounds = bounds_of(south, west, north, east);
        auto lowest = bounds.upper, highest = bounds.lower;
        for (int place = 0; place < 2000; ++place) {
            double across = west + width * (place % 4 == 0 ? std::round(part(random)) : part(random));
            if (across > 180) across -= 360;
            const double up =
                south + (north - south) * (place % 3 == 0 ? std::round(part(random)) : part(random));
            const auto metres = earth_centred(up, across);
            for (std::size_t i = 0; i < 3; ++i) {
                ASSERT_GE(metres[i], bounds.lower[i] - 1e-6)
                    << south << ' ' << west << ' ' << north << ' ' << east;
                ASSERT_LE(metres[i], bounds.upper[i] + 1e-6)
                    << south << ' ' << west << ' ' << north << ' ' << east;
                lowest[i] = std::min(lowest[i], metres[i]);
                highest[i] = std::max(highest[i], metres[i]);
            }
        }
        // The height's bounds are met by the corners themselves.
        EXPECT_NEAR(lowest[2], bounds.lower[2], 1e-3 + 0.01 * (bounds.upper[2] - bounds.lower[2]));
        EXPECT_NEAR(highest[2], bounds.upper[2], 1e-3 + 0.01 * (bounds.upper[2] - bounds.lower[2]));
    }
}
