// Sums run in eight lanes that are added up in a fixed tree: quick without wide registers, and the same
// wherever this is compiled, since nothing here may be contracted or reordered (see the top Makefile's
// flags).
#include "core/vann/code.hpp"

#include <bit>
#include <cstring>

namespace soup::vann {
namespace {

constexpr unsigned lanes = 8;

struct Sum {
    float lane[lanes] = {};

    float total() const noexcept {
        const float a = (lane[0] + lane[4]) + (lane[2] + lane[6]),
                    b = (lane[1] + lane[5]) + (lane[3] + lane[7]);
        return a + b;
    }
};

float magnitude(float x) noexcept {
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0x7FFFFFFFU);
}

/// To the nearest whole number, ties to even, for |x| < 2^22. A NaN gives some number of the range.
std::int32_t nearest(float x) noexcept {
    constexpr float magic = 12582912.0F; // 1.5 · 2^23: the sum's last bits are the whole number.
    return std::bit_cast<std::int32_t>(x + magic) - std::bit_cast<std::int32_t>(magic);
}

/// In [-limit, limit]; NaN becomes -limit.
float clamped(float x, float limit) noexcept {
    const float low = x >= -limit ? x : -limit;
    return low <= limit ? low : limit;
}

float largest(const float* x, unsigned n) noexcept {
    float lane[lanes] = {};
    for (unsigned i = 0; i < n; i += lanes)
        for (unsigned j = 0; j < lanes; ++j) {
            const float value = magnitude(x[i + j]);
            lane[j] = value > lane[j] ? value : lane[j];
        }
    float most = lane[0];
    for (unsigned j = 1; j < lanes; ++j)
        most = lane[j] > most ? lane[j] : most;
    return most;
}

} // namespace

float exact_dot(const float* a, const float* b, unsigned n) noexcept {
    Sum sum;
    for (unsigned i = 0; i < n; i += lanes)
        for (unsigned j = 0; j < lanes; ++j)
            sum.lane[j] += a[i + j] * b[i + j];
    return sum.total();
}

float exact_squared_norm(const float* x, unsigned n) noexcept {
    return exact_dot(x, x, n);
}

BitFactors encode_bits(const float* point, const float* centroid, unsigned n, std::uint8_t* bits) noexcept {
    Sum squares, magnitudes, product;
    for (unsigned i = 0; i < n; i += lanes) {
        float r[lanes];
        unsigned byte = 0;
        for (unsigned j = 0; j < lanes; ++j)
            r[j] = point[i + j] - centroid[i + j];
        for (unsigned j = 0; j < lanes; ++j) {
            squares.lane[j] += r[j] * r[j];
            magnitudes.lane[j] += magnitude(r[j]);
            product.lane[j] += r[j] > 0 ? centroid[i + j] : -centroid[i + j];
        }
        for (unsigned j = 0; j < lanes; ++j)
            byte |= (r[j] > 0 ? 1U : 0U) << j;
        bits[i / 8] = static_cast<std::uint8_t>(byte);
    }
    const float square = squares.total(), magnitude_sum = magnitudes.total();
    if (!(square > 0) || !(magnitude_sum > 0)) return {0, 0};
    const float f = 2 * square / magnitude_sum;
    return {square + f * product.total(), f};
}

ByteFactors encode_bytes(const float* point, const float* centroid, unsigned n, std::int8_t* code) noexcept {
    // A code's row of differences, a stretch at a time, so that no buffer of the whole length is needed.
    const auto difference = [&](unsigned i, float* r) {
        for (unsigned j = 0; j < lanes; ++j)
            r[j] = centroid != nullptr ? point[i + j] - centroid[i + j] : point[i + j];
    };
    float most = 0;
    for (unsigned i = 0; i < n; i += lanes) {
        float r[lanes];
        difference(i, r);
        const float here = largest(r, lanes);
        most = here > most ? here : most;
    }
    const float steps = 127 / most;
    if (!(steps <= 1e30F)) { // r = 0, or too small to matter.
        std::memset(code, 0, n);
        return {0, 0};
    }
    Sum squares, product, centre;
    for (unsigned i = 0; i < n; i += lanes) {
        float r[lanes];
        difference(i, r);
        for (unsigned j = 0; j < lanes; ++j) {
            const float step = static_cast<float>(nearest(clamped(r[j] * steps, 127)));
            code[i + j] = static_cast<std::int8_t>(static_cast<std::int32_t>(step));
            squares.lane[j] += r[j] * r[j];
            product.lane[j] += r[j] * step;
            centre.lane[j] += centroid != nullptr ? centroid[i + j] * step : 0;
        }
    }
    const float square = squares.total(), dot = product.total();
    if (!(square > 0) || !(dot > 0)) {
        std::memset(code, 0, n);
        return {0, 0};
    }
    const float f = square / dot;
    return {square + 2 * f * centre.total(), f};
}

void decode_bytes(const std::int8_t* code, float f, const float* centroid, unsigned n,
                  float* point) noexcept {
    for (unsigned i = 0; i < n; ++i)
        point[i] = (centroid != nullptr ? centroid[i] : 0) + f * static_cast<float>(code[i]);
}

void decode_bits(const std::uint8_t* bits, float f, const float* centroid, unsigned n,
                 float* point) noexcept {
    const float half = f / 2;
    for (unsigned i = 0; i < n; ++i)
        point[i] = centroid[i] + ((bits[i / 8] >> (i % 8) & 1) != 0 ? half : -half);
}

float encode_centroid(const float* centroid, unsigned n, unsigned bytes_each, std::byte* to) noexcept {
    const float limit = bytes_each == 1 ? 127 : 32767;
    const float most = largest(centroid, n);
    const float steps = limit / most;
    const bool is_zero = !(steps <= 1e30F);
    for (unsigned i = 0; i < n; ++i) {
        const std::int32_t whole = is_zero ? 0 : nearest(clamped(centroid[i] * steps, limit));
        if (bytes_each == 1)
            reinterpret_cast<std::int8_t*>(to)[i] = static_cast<std::int8_t>(whole);
        else
            reinterpret_cast<std::int16_t*>(to)[i] = static_cast<std::int16_t>(whole);
    }
    return is_zero ? 0 : most / limit;
}

void decode_centroid(const std::byte* from, unsigned n, unsigned bytes_each, float scale,
                     float* centroid) noexcept {
    if (bytes_each == 1)
        for (unsigned i = 0; i < n; ++i)
            centroid[i] = scale * static_cast<float>(reinterpret_cast<const std::int8_t*>(from)[i]);
    else
        for (unsigned i = 0; i < n; ++i)
            centroid[i] = scale * static_cast<float>(reinterpret_cast<const std::int16_t*>(from)[i]);
}

void put_bits(std::byte* codes, unsigned n, unsigned entry, const std::uint8_t* bits) noexcept {
    const unsigned bytes = n / 8;
    std::byte* at = codes + std::size_t{entry / 16} * 16 * bytes + entry % 16;
    for (unsigned i = 0; i < bytes; ++i)
        at[std::size_t{i} * 16] = std::byte{bits[i]};
}

void get_bits(const std::byte* codes, unsigned n, unsigned entry, std::uint8_t* bits) noexcept {
    const unsigned bytes = n / 8;
    const std::byte* at = codes + std::size_t{entry / 16} * 16 * bytes + entry % 16;
    for (unsigned i = 0; i < bytes; ++i)
        bits[i] = std::to_integer<std::uint8_t>(at[std::size_t{i} * 16]);
}

} // namespace soup::vann
