// Questions of a known size about a set of points: boxes and balls that hold a given number of them, found
// exactly.
#pragma once

#include "tests/bench/points/peer.hpp"
#include "tests/bench/vectors/dataset.hpp"

namespace soup::bench {

/// Cubes around random points of the set, each holding `rows` of them (by the rows-th smallest largest
/// difference).
std::vector<Box> boxes_of(const Vectors& points, std::size_t rows, std::size_t how_many);
/// Balls likewise.
std::vector<Ball> balls_of(const Vectors& points, std::size_t rows, std::size_t how_many);
/// Random places near points of the set.
std::vector<std::vector<float>> places_near(const Vectors& points, std::size_t how_many);

/// Rows of numbers separated by comma, semicolon, tab or blank, after a header if the first line begins with
/// another word; or .npy, .fvecs, .bvecs; each also gzipped. At least 100 points of 2 to 16 dimensions.
Vectors read_points(const std::string& path, std::size_t rows_max);

} // namespace soup::bench
