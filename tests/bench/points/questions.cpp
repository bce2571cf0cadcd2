// Sizes are exact, because each is found by comparing the place with every point; but points at the same
// distance come together, and measured data has many of them. The border lies halfway to the next point, so
// that the peers' roundings decide nothing.
#include "tests/bench/points/questions.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <random>
#include <stdexcept>

namespace soup::bench {
namespace {

std::mt19937 seeded(std::size_t rows) {
    return std::mt19937(static_cast<std::uint32_t>(20260102 + rows));
}

/// Random points of the set as centres, and for each a distance within which at least `rows` points lie.
template<class Distance, class Take>
void around(const Vectors& points, std::size_t rows, std::size_t how_many, Distance&& distance, Take&& take) {
    std::mt19937 random = seeded(rows);
    std::vector<double> distances(points.rows);
    for (std::size_t i = 0; i < how_many; ++i) {
        const float* centre = points.row(random() % points.rows);
        for (std::size_t row = 0; row < points.rows; ++row)
            distances[row] = distance(centre, points.row(row));
        const auto nth = distances.begin() + static_cast<std::ptrdiff_t>(std::min(rows, points.rows) - 1);
        std::nth_element(distances.begin(), nth, distances.end());
        double next = std::numeric_limits<double>::infinity();
        for (const double distance : distances)
            if (distance > *nth) next = std::min(next, distance);
        take(centre, std::isfinite(next) ? (*nth + next) / 2 : *nth * (1 + 1e-9));
    }
}

} // namespace

std::vector<Box> boxes_of(const Vectors& points, std::size_t rows, std::size_t how_many) {
    std::vector<Box> boxes;
    const std::size_t dimensions = points.dimensions;
    around(
        points, rows, how_many,
        [dimensions](const float* a, const float* b) {
            double most = 0;
            for (std::size_t d = 0; d < dimensions; ++d)
                most = std::max(most, std::abs(static_cast<double>(a[d]) - static_cast<double>(b[d])));
            return most;
        },
        [&](const float* centre, double reach) {
            Box box;
            for (std::size_t d = 0; d < dimensions; ++d) {
                box.lower.push_back(static_cast<float>(static_cast<double>(centre[d]) - reach));
                box.upper.push_back(static_cast<float>(static_cast<double>(centre[d]) + reach));
            }
            boxes.push_back(std::move(box));
        });
    return boxes;
}

std::vector<Ball> balls_of(const Vectors& points, std::size_t rows, std::size_t how_many) {
    std::vector<Ball> balls;
    const std::size_t dimensions = points.dimensions;
    around(
        points, rows, how_many,
        [dimensions](const float* a, const float* b) {
            double sum = 0;
            for (std::size_t d = 0; d < dimensions; ++d) {
                const double difference = static_cast<double>(a[d]) - static_cast<double>(b[d]);
                sum += difference * difference;
            }
            return std::sqrt(sum);
        },
        [&](const float* centre, double reach) {
            balls.push_back({std::vector<float>(centre, centre + dimensions), reach});
        });
    return balls;
}

std::vector<std::vector<float>> places_near(const Vectors& points, std::size_t how_many) {
    std::mt19937 random = seeded(0);
    std::vector<std::vector<float>> places;
    for (std::size_t i = 0; i < how_many; ++i) {
        // Between two points: as often in the gaps as in the clusters.
        const float *a = points.row(random() % points.rows), *b = points.row(random() % points.rows);
        const float part = i % 2 == 0 ? 0.01F : 0.3F;
        std::vector<float> place(points.dimensions);
        for (std::size_t d = 0; d < points.dimensions; ++d)
            place[d] = a[d] + part * (b[d] - a[d]);
        places.push_back(std::move(place));
    }
    return places;
}

Vectors read_points(const std::string& path, std::size_t rows_max) {
    for (const char* binary : {".npy", ".fvecs", ".bvecs"})
        if (path.ends_with(binary)) return read_vectors(path, rows_max);
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path);
    Vectors points;
    std::string line;
    for (std::size_t number = 1; points.rows < rows_max && std::getline(file, line); ++number) {
        std::replace_if(
            line.begin(), line.end(), [](char c) { return c == ',' || c == ';' || c == '\t' || c == '\r'; },
            ' ');
        std::vector<float> row;
        const char* at = line.c_str();
        for (char* end = nullptr;; at = end) {
            const float value = std::strtof(at, &end);
            if (end == at) break;
            row.push_back(value);
        }
        const bool is_text = std::string_view(at).find_first_not_of(' ') != std::string_view::npos;
        if (is_text && number == 1) continue; // A header.
        if (is_text)
            throw std::runtime_error(path + ", line " + std::to_string(number) + ": \"" + at +
                                     "\" is no number");
        if (row.empty()) continue;
        if (points.dimensions == 0) points.dimensions = row.size();
        if (row.size() != points.dimensions)
            throw std::runtime_error(path + ", line " + std::to_string(number) + ": " +
                                     std::to_string(row.size()) + " numbers instead of " +
                                     std::to_string(points.dimensions));
        points.values.insert(points.values.end(), row.begin(), row.end());
        ++points.rows;
    }
    return points;
}

} // namespace soup::bench
