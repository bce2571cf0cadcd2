// Sizes are exact, because each is found by comparing the place with every point; but points at the same
// distance come together, and measured data has many of them. The border lies halfway to the next point, so
// that the peers' roundings decide nothing.
#include "tests/bench/points/questions.hpp"

#include "tests/bench/vectors/source.hpp"

#include <algorithm>
#include <cmath>
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

namespace {

/// Numbers between commas, semicolons, tabs or blanks. A first line that begins with none is a header.
Vectors read_text(const std::string& path, std::size_t rows_max) {
    Source file(path);
    Vectors points;
    std::string line;
    for (std::size_t number = 1; points.rows < rows_max && file.line(line); ++number) {
        const auto fail = [&](const std::string& what) {
            file.fail("line " + std::to_string(number) + ": " + what);
        };
        if (line.find('\0') != std::string::npos) fail("is no text");
        if (number == 1 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3); // A byte order mark.
        std::replace_if(
            line.begin(), line.end(), [](char c) { return c == ',' || c == ';' || c == '\t' || c == '\r'; },
            ' ');
        std::vector<float> row;
        const char* at = line.c_str();
        for (char* end = nullptr;; at = end) {
            const float value = std::strtof(at, &end);
            if (end == at) break;
            if (!std::isfinite(value)) fail("holds what is no finite number");
            row.push_back(value);
        }
        const std::string_view rest(at);
        const auto text = rest.find_first_not_of(' ');
        if (text != rest.npos && number == 1 && row.empty()) continue; // A header.
        if (text != rest.npos) fail("\"" + std::string(rest.substr(text)) + "\" is no number");
        if (row.empty()) continue;
        if (points.dimensions == 0) points.dimensions = row.size();
        if (row.size() != points.dimensions)
            fail(std::to_string(row.size()) + " numbers instead of " + std::to_string(points.dimensions));
        points.values.insert(points.values.end(), row.begin(), row.end());
        ++points.rows;
    }
    return points;
}

} // namespace

Vectors read_points(const std::string& path, std::size_t rows_max) {
    constexpr std::size_t points_least = 100, dimensions_least = 2, dimensions_most = 16;
    const std::string_view name =
        path.ends_with(".gz") ? std::string_view(path).substr(0, path.size() - 3) : path;
    const bool is_binary = name.ends_with(".npy") || name.ends_with(".fvecs") || name.ends_with(".bvecs");
    Vectors points = is_binary ? read_vectors(path, rows_max) : read_text(path, rows_max);
    if (points.rows < points_least)
        throw std::runtime_error(path + ": " + std::to_string(points.rows) +
                                 " points are too few: the nearest " + std::to_string(points_least) +
                                 " are asked for");
    if (points.dimensions < dimensions_least || points.dimensions > dimensions_most)
        throw std::runtime_error(path + ": points of " + std::to_string(points.dimensions) +
                                 " dimensions; 2 to 16 are measured");
    return points;
}

} // namespace soup::bench
