// Text form, `[1,2,3]`, and the type modifier.
//
// Reading: most elements are plain decimals, which std::from_chars reads several times as fast as strtof.
// Whatever it does not take whole (a plus sign, hexadecimal, infinity, a value out of range) goes through
// strtof, which alone decides what pgvector accepts and how it refuses; both round correctly, so that the
// element does not depend on the way. Writing: the server's shortest decimal that reads back as the same
// float.
#include <charconv>

#include "vector/vector.hpp"

extern "C" {
#include "common/shortest_dec.h"
}

namespace soup::vector {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

class Reader {
public:
    explicit Reader(const char* text) : whole_(text), at_(text), end_(text + std::strlen(text)) {}

    Vector* read() {
        skip_spaces();
        if (*at_ != '[') refuse("Vector contents must start with \"[\".");
        ++at_;
        skip_spaces();
        if (*at_ == ']') check_dimensions(0);

        Vector* vector = allocate(most_elements());
        int count = 0;
        do {
            if (count == max_dimensions) check_dimensions(count + 1);
            vector->elements[count++] = element();
            skip_spaces();
        } while (taken(','));
        if (!taken(']')) refuse();
        skip_spaces();
        if (*at_ != '\0') refuse("Junk after closing right brace.");

        vector->dimensions = static_cast<std::int16_t>(count);
        SET_VARSIZE(vector, size_of(count));
        return vector;
    }

private:
    void skip_spaces() {
        while (is_space(*at_))
            ++at_;
    }

    bool taken(char c) {
        if (*at_ != c) return false;
        ++at_;
        return true;
    }

    /// No more elements can follow than there are commas, plus one.
    int most_elements() const {
        return static_cast<int>(std::min<std::ptrdiff_t>(std::count(at_, end_, ',') + 1, max_dimensions));
    }

    float element() {
        skip_spaces();
        float value;
        const auto [stop, problem] = std::from_chars(at_, end_, value);
        if (problem == std::errc() && std::isfinite(value) &&
            (*stop == ',' || *stop == ']' || is_space(*stop))) [[likely]] {
            at_ = stop;
            return value;
        }
        return element_by_strtof();
    }

    float element_by_strtof() {
        char* stop;
        errno = 0;
        const float value = std::strtof(at_, &stop); // LC_NUMERIC is C in every backend.
        if (stop == at_) refuse();
        if (errno == ERANGE && std::isinf(value))
            throw Error("22003", "",
                        '"' + std::string(at_, static_cast<std::size_t>(stop - at_)) +
                            "\" is out of range for type vector");
        check_finite(&value, 1);
        at_ = stop;
        return value;
    }

    [[noreturn]] void refuse(const char* detail = "") const {
        throw Error("22P02", "", "invalid input syntax for type vector: \"" + std::string(whole_) + '"',
                    detail);
    }

    const char* whole_;
    const char* at_;
    const char* end_;
};

} // namespace
} // namespace soup::vector

using namespace soup::vector;

SOUP_FUNCTION(svec_in) {
    Vector* vector = Reader(PG_GETARG_CSTRING(0)).read();
    check_expected(PG_GETARG_INT32(2), vector->dimensions);
    PG_RETURN_POINTER(vector);
}

SOUP_FUNCTION(svec_out) {
    const View vector = view(PG_GETARG_DATUM(0));
    // The longest element and a comma, or the bracket in its place; the other bracket and the end.
    auto* text = static_cast<char*>(
        palloc(static_cast<std::size_t>(vector.dimensions) * (FLOAT_SHORTEST_DECIMAL_LEN + 1) + 2));
    char* at = text;
    for (int i = 0; i < vector.dimensions; ++i) {
        *at++ = i == 0 ? '[' : ',';
        at += float_to_shortest_decimal_bufn(element(vector, i), at);
    }
    *at++ = ']';
    *at = '\0';
    PG_RETURN_CSTRING(text);
}

SOUP_FUNCTION(svec_typmod_in) {
    int count;
    const int32* modifiers = ArrayGetIntegerTypmods(PG_GETARG_ARRAYTYPE_P(0), &count);
    if (count != 1) throw soup::Error("22023", "", "invalid type modifier");
    if (modifiers[0] < 1) throw soup::Error("22023", "", "dimensions for type vector must be at least 1");
    if (modifiers[0] > max_dimensions)
        throw soup::Error("22023", "",
                          "dimensions for type vector cannot exceed " + std::to_string(max_dimensions));
    PG_RETURN_INT32(modifiers[0]);
}
