// Boxes and balls: input and output in text and binary, constructors, and what they are made of.
//
// A box is made from any two opposite corners and keeps the lower one first, as the server's own box does.
// Coordinates and radius are finite, the radius is not negative.
#include "vector/regions.hpp"

extern "C" {
#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "port/pg_bswap.h"
}

namespace soup::vector {
namespace {

constexpr std::size_t region_head = 4; ///< Dimension and unused, after the varlena header.

std::size_t floats(int count) {
    return sizeof(float) * static_cast<std::size_t>(count);
}

/// The bytes after the varlena header, and the dimension they begin with.
struct Content {
    const char* bytes;
    std::size_t size;
    std::int16_t dimensions;
};

Content content_of(Datum datum) {
    const varlena* stored = pg_detoast_datum_packed(reinterpret_cast<varlena*>(DatumGetPointer(datum)));
    Content content{VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored), 0};
    if (content.size >= region_head)
        std::memcpy(&content.dimensions, content.bytes, sizeof content.dimensions);
    return content;
}

[[noreturn]] void refuse_damaged_region(const char* type, const Content& content) {
    throw Error("XX001", "", std::string(type) + " is damaged",
                "It says " + std::to_string(content.dimensions) + " dimensions and holds " +
                    std::to_string(content.size) + " bytes.");
}

/// A new datum with its head; the rest is to be filled from the returned place.
char* allocate_region(int dimensions, std::size_t rest, varlena*& datum) {
    const std::size_t size = VARHDRSZ + region_head + rest;
    datum = static_cast<varlena*>(palloc(size));
    SET_VARSIZE(datum, size);
    const std::int16_t head[2] = {static_cast<std::int16_t>(dimensions), 0};
    std::memcpy(VARDATA(datum), head, sizeof head);
    return VARDATA(datum) + region_head;
}

Datum make_box(const float* lower, const float* upper, int dimensions) {
    varlena* datum;
    char* to = allocate_region(dimensions, 2 * floats(dimensions), datum);
    std::memcpy(to, lower, floats(dimensions));
    std::memcpy(to + floats(dimensions), upper, floats(dimensions));
    return PointerGetDatum(datum);
}

Datum make_ball(const float* centre, double radius, int dimensions) {
    varlena* datum;
    char* to = allocate_region(dimensions, sizeof radius + floats(dimensions), datum);
    std::memcpy(to, &radius, sizeof radius);
    std::memcpy(to + sizeof radius, centre, floats(dimensions));
    return PointerGetDatum(datum);
}

Datum make_vector(const float* elements, int dimensions) {
    Vector* vector = allocate(dimensions);
    std::memcpy(vector->elements, elements, floats(dimensions));
    return PointerGetDatum(vector);
}

std::size_t corner_text_bytes(int dimensions) {
    return static_cast<std::size_t>(dimensions) * (FLOAT_SHORTEST_DECIMAL_LEN + 1) + 2;
}

char* write_corner(const float* values, int dimensions, char* at) {
    for (int i = 0; i < dimensions; ++i) {
        *at++ = i == 0 ? '[' : ',';
        at += float_to_shortest_decimal_bufn(value_at(values, i), at);
    }
    *at++ = ']';
    return at;
}

int receive_head(StringInfo message) {
    const auto dimensions = static_cast<std::int16_t>(pq_getmsgint(message, 2));
    const auto unused = static_cast<std::int16_t>(pq_getmsgint(message, 2));
    check_dimensions(dimensions);
    if (unused != 0) throw Error("22000", "", "expected unused to be 0, not " + std::to_string(unused));
    return dimensions;
}

void receive_floats(StringInfo message, int count, float* to, const char* type) {
    const char* from = pq_getmsgbytes(message, 4 * count);
    for (int i = 0; i < count; ++i) {
        std::uint32_t bits;
        std::memcpy(&bits, from + std::ptrdiff_t{4} * i, sizeof bits);
        to[i] = std::bit_cast<float>(pg_ntoh32(bits));
    }
    vtree::check_coordinates(to, count, type);
}

void send_floats(StringInfo message, const float* values, int count) {
    for (int i = 0; i < count; ++i)
        pq_sendint32(message, std::bit_cast<std::uint32_t>(value_at(values, i)));
}

void begin_message(StringInfo message, int dimensions) {
    pq_begintypsend(message);
    pq_sendint16(message, static_cast<std::uint16_t>(dimensions));
    pq_sendint16(message, 0);
}

/// Floats of the length of a scope that the server's memory context frees.
float* scratch(int count) {
    return static_cast<float*>(palloc(floats(count)));
}

} // namespace

BoxView view_box(Datum datum) {
    const Content content = content_of(datum);
    if (content.size != region_head + 2 * floats(content.dimensions)) refuse_damaged_region("vbox", content);
    const auto* lower = reinterpret_cast<const float*>(content.bytes + region_head);
    return {lower, lower + content.dimensions, content.dimensions};
}

BallView view_ball(Datum datum) {
    const Content content = content_of(datum);
    if (content.size != region_head + sizeof(double) + floats(content.dimensions))
        refuse_damaged_region("vball", content);
    double radius;
    std::memcpy(&radius, content.bytes + region_head, sizeof radius);
    return {reinterpret_cast<const float*>(content.bytes + region_head + sizeof radius), radius,
            content.dimensions};
}

} // namespace soup::vector

using namespace soup::vector;

// The texts' vectors are freed before the datum is made: palloc may raise.
SOUP_FUNCTION(svec_vbox_in) {
    const char* text = PG_GETARG_CSTRING(0);
    float* corners;
    int dimensions;
    {
        const soup::vtree::BoxText box = soup::vtree::read_box(text);
        dimensions = static_cast<int>(box.lower.size());
        corners = soup::pg::call([&] { return scratch(2 * dimensions); });
        std::copy(box.lower.begin(), box.lower.end(), corners);
        std::copy(box.upper.begin(), box.upper.end(), corners + dimensions);
    }
    PG_RETURN_DATUM(make_box(corners, corners + dimensions, dimensions));
}

SOUP_FUNCTION(svec_vball_in) {
    const char* text = PG_GETARG_CSTRING(0);
    float* centre;
    double radius;
    int dimensions;
    {
        const soup::vtree::BallText ball = soup::vtree::read_ball(text);
        dimensions = static_cast<int>(ball.centre.size());
        radius = ball.radius;
        centre = soup::pg::call([&] { return scratch(dimensions); });
        std::copy(ball.centre.begin(), ball.centre.end(), centre);
    }
    PG_RETURN_DATUM(make_ball(centre, radius, dimensions));
}

SOUP_FUNCTION(svec_vbox_out) {
    const BoxView box = view_box(PG_GETARG_DATUM(0));
    auto* text = static_cast<char*>(palloc(2 * corner_text_bytes(box.dimensions) + 2));
    char* at = write_corner(box.lower, box.dimensions, text);
    *at++ = ',';
    at = write_corner(box.upper, box.dimensions, at);
    *at = '\0';
    PG_RETURN_CSTRING(text);
}

SOUP_FUNCTION(svec_vball_out) {
    const BallView ball = view_ball(PG_GETARG_DATUM(0));
    auto* text =
        static_cast<char*>(palloc(corner_text_bytes(ball.dimensions) + DOUBLE_SHORTEST_DECIMAL_LEN + 4));
    char* at = text;
    *at++ = '<';
    at = write_corner(ball.centre, ball.dimensions, at);
    *at++ = ',';
    at += double_to_shortest_decimal_bufn(ball.radius, at);
    *at++ = '>';
    *at = '\0';
    PG_RETURN_CSTRING(text);
}

SOUP_FUNCTION(svec_vbox_recv) {
    auto* message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
    const int dimensions = receive_head(message);
    float* corners = scratch(2 * dimensions);
    receive_floats(message, 2 * dimensions, corners, "vbox");
    soup::vtree::order_corners(corners, corners + dimensions, dimensions);
    PG_RETURN_DATUM(make_box(corners, corners + dimensions, dimensions));
}

SOUP_FUNCTION(svec_vball_recv) {
    auto* message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
    const int dimensions = receive_head(message);
    const double radius = pq_getmsgfloat8(message);
    soup::vtree::check_radius(radius);
    float* centre = scratch(dimensions);
    receive_floats(message, dimensions, centre, "vball");
    PG_RETURN_DATUM(make_ball(centre, radius, dimensions));
}

SOUP_FUNCTION(svec_vbox_send) {
    const BoxView box = view_box(PG_GETARG_DATUM(0));
    StringInfoData message;
    begin_message(&message, box.dimensions);
    send_floats(&message, box.lower, 2 * box.dimensions);
    PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

SOUP_FUNCTION(svec_vball_send) {
    const BallView ball = view_ball(PG_GETARG_DATUM(0));
    StringInfoData message;
    begin_message(&message, ball.dimensions);
    pq_sendfloat8(&message, ball.radius);
    send_floats(&message, ball.centre, ball.dimensions);
    PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

// vbox(vector, vector)
SOUP_FUNCTION(svec_vbox) {
    const View a = view(PG_GETARG_DATUM(0)), b = view(PG_GETARG_DATUM(1));
    check_same(a, b);
    float* corners = scratch(2 * a.dimensions);
    std::memcpy(corners, a.elements, floats(a.dimensions));
    std::memcpy(corners + a.dimensions, b.elements, floats(a.dimensions));
    soup::vtree::order_corners(corners, corners + a.dimensions, a.dimensions);
    PG_RETURN_DATUM(make_box(corners, corners + a.dimensions, a.dimensions));
}

// vball(vector, float8)
SOUP_FUNCTION(svec_vball) {
    const View centre = view(PG_GETARG_DATUM(0));
    const double radius = PG_GETARG_FLOAT8(1);
    soup::vtree::check_radius(radius);
    PG_RETURN_DATUM(make_ball(centre.elements, radius, centre.dimensions));
}

SOUP_FUNCTION(svec_vbox_lower) {
    const BoxView box = view_box(PG_GETARG_DATUM(0));
    PG_RETURN_DATUM(make_vector(box.lower, box.dimensions));
}
SOUP_FUNCTION(svec_vbox_upper) {
    const BoxView box = view_box(PG_GETARG_DATUM(0));
    PG_RETURN_DATUM(make_vector(box.upper, box.dimensions));
}
SOUP_FUNCTION(svec_vball_centre) {
    const BallView ball = view_ball(PG_GETARG_DATUM(0));
    PG_RETURN_DATUM(make_vector(ball.centre, ball.dimensions));
}
SOUP_FUNCTION(svec_vball_radius) {
    PG_RETURN_FLOAT8(view_ball(PG_GETARG_DATUM(0)).radius);
}
