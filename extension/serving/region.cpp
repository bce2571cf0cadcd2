// Rounding doubles to floats in the direction that is wanted.
#include "serving/region.hpp"

#include "boundary/array.hpp"

namespace soup::serving {

namespace {

constexpr float float_max = std::numeric_limits<float>::max();
constexpr float infinity = std::numeric_limits<float>::infinity();

/// The lowest float that is not below x; +infinity if there is none.
float rounded_up(double x) noexcept {
    if (x <= -static_cast<double>(float_max)) return -float_max;
    if (x > static_cast<double>(float_max)) return infinity;
    const auto nearest = static_cast<float>(x);
    return static_cast<double>(nearest) < x ? std::nextafter(nearest, infinity) : nearest;
}

float rounded_down(double x) noexcept {
    return -rounded_up(-x);
}

std::string vector_parameter(const VersionTable& table, Statement& statement,
                             std::span<const float> elements) {
    return statement.parameter(FLOAT4ARRAYOID, pg::make_array(elements, pg::float4_elements)) +
           "::" + table.vector_type();
}

std::string in_float_box(const VersionTable& table, Statement& statement, std::span<const float> lower,
                         std::span<const float> upper) {
    return "position " + table.inside_operator() + " " + table.vector_name("vbox") + "(" +
           vector_parameter(table, statement, lower) + ", " + vector_parameter(table, statement, upper) + ")";
}

} // namespace

std::string in_box(const VersionTable& table, Statement& statement, std::span<const double> lower,
                   std::span<const double> upper) {
    std::vector<float> low, high;
    for (std::size_t i = 0; i < lower.size(); ++i) {
        low.push_back(rounded_up(lower[i]));
        high.push_back(rounded_down(upper[i]));
        // Two corners the wrong way round would be taken for the box between them.
        if (low.back() > high.back()) return "false";
    }
    return in_float_box(table, statement, low, high);
}

std::string in_patch(const VersionTable& table, Statement& statement, std::span<const double> south_west,
                     std::span<const double> north_east) {
    // Half a metre is the spacing of floats at this distance from the earth's centre.
    constexpr double rounding_metres = 1.0;
    const geodesy::Bounds bounds =
        geodesy::bounds_of(south_west[0], south_west[1], north_east[0], north_east[1]);
    std::vector<float> low, high;
    for (std::size_t i = 0; i < bounds.lower.size(); ++i) {
        low.push_back(static_cast<float>(bounds.lower[i] - rounding_metres));
        high.push_back(static_cast<float>(bounds.upper[i] + rounding_metres));
    }
    return in_float_box(table, statement, low, high);
}

std::string near(const VersionTable& table, Statement& statement, std::span<const double> centre,
                 double radius) {
    // The operator adds in float: a few units in the last place for each of at most 16 dimensions.
    constexpr double slack = 1e-5;
    const std::vector<float> middle(centre.begin(), centre.end());
    return "position " + table.inside_operator() + " " + table.vector_name("vball") + "(" +
           vector_parameter(table, statement, middle) + ", " +
           statement.parameter(FLOAT8OID, Float8GetDatum(std::min(radius * (1 + slack),
                                                                  std::numeric_limits<double>::max()))) +
           ")";
}

} // namespace soup::serving
