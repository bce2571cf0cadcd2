// Numbers are read as the type vector reads its own: std::from_chars, and strtof for what that does not take
// whole (a plus sign, hexadecimal, infinity, out of range). Both round correctly.
#include "core/vtree/region_text.hpp"

#include "core/error.hpp"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>

namespace soup::vtree {
namespace {

float number_by_library(const char* text, char** stop, float) {
    return std::strtof(text, stop);
}
double number_by_library(const char* text, char** stop, double) {
    return std::strtod(text, stop);
}

class RegionReader {
public:
    RegionReader(const char* text, const char* type)
        : whole_(text), at_(text), end_(text + std::strlen(text)), type_(type) {}

    void expect(char c) {
        skip_spaces();
        if (*at_ != c) refuse();
        ++at_;
    }
    void expect_end() {
        skip_spaces();
        if (*at_ != '\0') refuse();
    }

    std::vector<float> corner() {
        std::vector<float> values;
        expect('[');
        do {
            if (values.size() == most_text_dimensions)
                throw Error("54000", "",
                            std::string(type_) + " cannot have more than " +
                                std::to_string(most_text_dimensions) + " dimensions");
            values.push_back(number<float>());
            skip_spaces();
        } while (taken(','));
        expect(']');
        check_coordinates(values.data(), static_cast<int>(values.size()), type_);
        return values;
    }

    template<class Number>
    Number number() {
        skip_spaces();
        Number value;
        const auto [stop, problem] = std::from_chars(at_, end_, value);
        if (problem == std::errc() && std::isfinite(value) &&
            std::strchr(",]> \t\n\r\v\f", *stop) != nullptr) {
            at_ = stop;
            return value;
        }
        char* library_stop;
        errno = 0;
        value = number_by_library(at_, &library_stop, Number());
        if (library_stop == at_) refuse();
        if (errno == ERANGE && std::isinf(value))
            throw Error("22003", "",
                        '"' + std::string(at_, static_cast<const char*>(library_stop)) +
                            "\" is out of range for type " + type_);
        at_ = library_stop;
        return value;
    }

private:
    void skip_spaces() {
        while (*at_ != '\0' && std::strchr(" \t\n\r\v\f", *at_) != nullptr)
            ++at_;
    }
    bool taken(char c) {
        if (*at_ != c) return false;
        ++at_;
        return true;
    }
    [[noreturn]] void refuse() const {
        throw Error("22P02", "",
                    "invalid input syntax for type " + std::string(type_) + ": \"" + whole_ + '"');
    }

    const char* whole_;
    const char* at_;
    const char* end_;
    const char* type_;
};

} // namespace

void order_corners(float* lower, float* upper, int dimensions) noexcept {
    for (int j = 0; j < dimensions; ++j)
        if (upper[j] < lower[j]) std::swap(lower[j], upper[j]);
}

void check_coordinates(const float* values, int count, const char* type) {
    for (int i = 0; i < count; ++i) {
        if (std::isnan(values[i])) throw Error("22000", "", std::string("NaN not allowed in ") + type);
        if (std::isinf(values[i]))
            throw Error("22000", "", std::string("infinite value not allowed in ") + type);
    }
}

void check_radius(double radius) {
    if (std::isnan(radius)) throw Error("22000", "", "NaN not allowed in vball");
    if (std::isinf(radius)) throw Error("22000", "", "infinite value not allowed in vball");
    if (radius < 0) throw Error("22000", "", "radius must not be negative");
}

BoxText read_box(const char* text) {
    RegionReader reader(text, "vbox");
    BoxText box;
    box.lower = reader.corner();
    reader.expect(',');
    box.upper = reader.corner();
    reader.expect_end();
    if (box.lower.size() != box.upper.size())
        throw Error("22000", "",
                    "different vector dimensions " + std::to_string(box.lower.size()) + " and " +
                        std::to_string(box.upper.size()));
    order_corners(box.lower.data(), box.upper.data(), static_cast<int>(box.lower.size()));
    return box;
}

BallText read_ball(const char* text) {
    RegionReader reader(text, "vball");
    BallText ball;
    reader.expect('<');
    ball.centre = reader.corner();
    reader.expect(',');
    ball.radius = reader.number<double>();
    reader.expect('>');
    reader.expect_end();
    check_radius(ball.radius);
    return ball;
}

} // namespace soup::vtree
