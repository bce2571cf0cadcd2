// The text forms of boxes and balls: `[0,0,0],[1,2,3]`, two opposite corners, and `<[0,0,0],2.5>`, centre and
// radius. White space may stand between any two parts.
#pragma once

#include <string_view>
#include <vector>

namespace soup::vtree {

struct BoxText {
    std::vector<float> lower, upper;
};
struct BallText {
    std::vector<float> centre;
    double radius;
};

/// A box or ball of at most this many dimensions can be written; as many as a vector has.
inline constexpr int most_text_dimensions = 16000;

/// 22P02 for another form, 22003 for a number out of range, 22000 for NaN, infinity, a negative radius and
/// corners of different dimensions, 54000 for too many.
BoxText read_box(const char* text);
BallText read_ball(const char* text);

/// Puts the lower of two corners' coordinates into the one, the upper into the other.
void order_corners(float* lower, float* upper, int dimensions) noexcept;

/// What both forms and the constructors refuse. `type` is "vbox" or "vball".
void check_coordinates(const float* values, int count, const char* type);
void check_radius(double radius);

} // namespace soup::vtree
