// The kernels themselves, one template on the xsimd architecture tag; kernel_<isa>.cpp instantiates it.
//
// Everything is in an unnamed namespace and nothing comes from the standard library: an inline function
// compiled here with wide instructions could otherwise be the copy that the linker keeps for everybody.
// Sums run in four independent chains, enough to cover the latency of a fused multiply-add at two loads
// per cycle. The rest of a vector is taken by one more register that ends at the last element and whose
// lanes that were already summed are zeroed: every sum's term of (0, 0) is 0.
#pragma once

#include "core/simd/kernel.hpp"

#include <xsimd/xsimd.hpp>

namespace soup::simd {
namespace {

/// A register of one lane, for the set that uses no vector instruction: the part of xsimd::batch that the
/// kernels need.
template<class T>
struct OneLane {
    static constexpr std::size_t size = 1;
    T lane;

    static OneLane load_unaligned(const T* from) noexcept {
        OneLane one;
        __builtin_memcpy(&one.lane, from, sizeof(T));
        return one;
    }
    void store_unaligned(T* to) const noexcept { __builtin_memcpy(to, &lane, sizeof(T)); }
    friend OneLane operator+(OneLane a, OneLane b) noexcept { return {a.lane + b.lane}; }
    friend OneLane operator-(OneLane a, OneLane b) noexcept { return {a.lane - b.lane}; }
    friend OneLane operator*(OneLane a, OneLane b) noexcept { return {a.lane * b.lane}; }
    friend OneLane operator/(OneLane a, OneLane b) noexcept { return {a.lane / b.lane}; }
    friend bool operator==(OneLane a, OneLane b) noexcept { return a.lane == b.lane; }
    friend bool operator!=(OneLane a, OneLane b) noexcept { return a.lane != b.lane; }
};

template<class T>
OneLane<T> fma(OneLane<T> a, OneLane<T> b, OneLane<T> c) noexcept {
    return a * b + c;
}
template<class T>
OneLane<T> abs(OneLane<T> a) noexcept {
    return {a.lane < 0 ? -a.lane : a.lane};
}
template<class T>
T lanes_sum(OneLane<T> a) noexcept {
    return a.lane;
}
/// xsimd's sum of a register's lanes, which release 10 renamed.
template<class T, class Arch>
T lanes_sum(const xsimd::batch<T, Arch>& a) noexcept {
#if XSIMD_VERSION_MAJOR >= 10
    return xsimd::reduce_add(a);
#else
    return xsimd::hadd(a);
#endif
}
inline bool any(bool lane) noexcept {
    return lane;
}

template<class T, class Arch>
struct RegisterOf {
    using type = xsimd::batch<T, Arch>;
};
template<class T>
struct RegisterOf<T, xsimd::generic> {
    using type = OneLane<T>;
};
template<class T, class Arch>
using Register = typename RegisterOf<T, Arch>::type;

/// 0 for a finite value, NaN for any other. NaN sticks, whatever is added to it: sum these up, compare once.
template<class V>
V not_finite(V value) noexcept {
    return value - value;
}

inline float element(const float* from) noexcept {
    return OneLane<float>::load_unaligned(from).lane;
}

// --- Sums over two vectors -------------------------------------------------------------------------

template<class R>
struct L2Sum {
    R sum = R(0.0f);
    void take(R a, R b) noexcept {
        const R difference = a - b;
        sum = fma(difference, difference, sum);
    }
    void join(const L2Sum& other) noexcept { sum = sum + other.sum; }
    float total() const noexcept { return lanes_sum(sum); }
};

template<class R>
struct DotSum {
    R sum = R(0.0f);
    void take(R a, R b) noexcept { sum = fma(a, b, sum); }
    void join(const DotSum& other) noexcept { sum = sum + other.sum; }
    float total() const noexcept { return lanes_sum(sum); }
};

template<class R>
struct CosineSum {
    R dot = R(0.0f), norm_a = R(0.0f), norm_b = R(0.0f);
    void take(R a, R b) noexcept {
        dot = fma(a, b, dot);
        norm_a = fma(a, a, norm_a);
        norm_b = fma(b, b, norm_b);
    }
    void join(const CosineSum& other) noexcept {
        dot = dot + other.dot;
        norm_a = norm_a + other.norm_a;
        norm_b = norm_b + other.norm_b;
    }
    CosineParts total() const noexcept { return {lanes_sum(dot), lanes_sum(norm_a), lanes_sum(norm_b)}; }
};

template<class R>
struct L1Sum {
    R sum = R(0.0f);
    void take(R a, R b) noexcept { sum = sum + abs(a - b); }
    void join(const L1Sum& other) noexcept { sum = sum + other.sum; }
    float total() const noexcept { return lanes_sum(sum); }
};

/// Sixteen noughts, then sixteen ones: a window into it tells which lanes of the last register are new.
alignas(64) constexpr float new_lanes[32] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                             1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

template<class Arch, template<class> class Sum>
auto sum_over(const float* a, const float* b, std::size_t n) noexcept {
    using R = Register<float, Arch>;
    constexpr std::size_t width = R::size;
    static_assert(width <= 16, "new_lanes is too short for this register");

    if (n < width) { // Shorter than a register.
        Sum<OneLane<float>> few;
        for (std::size_t i = 0; i < n; ++i)
            few.take(OneLane<float>::load_unaligned(a + i), OneLane<float>::load_unaligned(b + i));
        return few.total();
    }
    Sum<R> first, second, third, fourth;
    std::size_t i = 0;
    for (; i + 4 * width <= n; i += 4 * width) {
        first.take(R::load_unaligned(a + i), R::load_unaligned(b + i));
        second.take(R::load_unaligned(a + i + width), R::load_unaligned(b + i + width));
        third.take(R::load_unaligned(a + i + 2 * width), R::load_unaligned(b + i + 2 * width));
        fourth.take(R::load_unaligned(a + i + 3 * width), R::load_unaligned(b + i + 3 * width));
    }
    for (; i + width <= n; i += width)
        first.take(R::load_unaligned(a + i), R::load_unaligned(b + i));

    if constexpr (width > 1) {
        const std::size_t rest = n - i;
        if (rest > 0) {
            // Selected, not multiplied: an infinite lane times 0 would be NaN.
            const auto fresh = R::load_unaligned(new_lanes + 16 - (width - rest)) > R(0.0f);
            const R zero(0.0f);
            second.take(select(fresh, R::load_unaligned(a + n - width), zero),
                        select(fresh, R::load_unaligned(b + n - width), zero));
        }
    }
    third.join(fourth);
    first.join(second);
    first.join(third);
    return first.total();
}

template<class Arch>
float l2_squared(const float* a, const float* b, std::size_t n) noexcept {
    return sum_over<Arch, L2Sum>(a, b, n);
}
/// Eight rows at a time, so that one load of x serves them all.
template<class Arch>
void l2_squared_each(const float* x, const RowList& list, std::size_t n, float* out) noexcept {
    using R = Register<float, Arch>;
    constexpr std::size_t width = R::size, together = 8;
    const auto row = [&](std::size_t at) noexcept {
        return list.rows + (list.numbers != nullptr ? list.numbers[at] : at) * list.stride;
    };
    std::size_t at = 0;
    for (; at + together <= list.count; at += together) {
        const float* rows[together];
        L2Sum<R> sums[together];
        for (std::size_t j = 0; j < together; ++j)
            rows[j] = row(at + j);
        std::size_t i = 0;
        for (; i + width <= n; i += width) {
            const R some = R::load_unaligned(x + i);
#pragma GCC unroll 8 // The sums stay in registers.
            for (std::size_t j = 0; j < together; ++j)
                sums[j].take(some, R::load_unaligned(rows[j] + i));
        }
        for (std::size_t j = 0; j < together; ++j) {
            float total = sums[j].total();
            for (std::size_t rest = i; rest < n; ++rest) {
                const float difference = element(x + rest) - element(rows[j] + rest);
                total += difference * difference;
            }
            out[at + j] = total;
        }
    }
    for (; at < list.count; ++at)
        out[at] = l2_squared<Arch>(x, row(at), n);
}
template<class Arch>
float inner_product(const float* a, const float* b, std::size_t n) noexcept {
    return sum_over<Arch, DotSum>(a, b, n);
}
template<class Arch>
CosineParts cosine(const float* a, const float* b, std::size_t n) noexcept {
    return sum_over<Arch, CosineSum>(a, b, n);
}
template<class Arch>
float l1(const float* a, const float* b, std::size_t n) noexcept {
    return sum_over<Arch, L1Sum>(a, b, n);
}

template<class Arch>
bool all_finite(const float* x, std::size_t n) noexcept {
    using R = Register<float, Arch>;
    R worst(0.0f);
    std::size_t i = 0;
    for (; i + R::size <= n; i += R::size)
        worst = worst + not_finite(R::load_unaligned(x + i));
    float rest = lanes_sum(worst);
    for (; i < n; ++i)
        rest += not_finite(element(x + i));
    return rest == 0.0f;
}

// --- Double precision ------------------------------------------------------------------------------

// A register of doubles from as many floats, and back. xsimd converts between lanes of different width
// through memory only, in pieces that the processor cannot forward to a wide load, which is 10 times as slow;
// the compiler can do it in one instruction. It takes no vector type that depends on a template's parameter,
// hence one overload per register width.
template<std::size_t lanes>
struct Converted;

template<>
struct Converted<1> {
    using Floats = float;
    using Doubles = double;
    static void widen(const Floats& from, Doubles& to) noexcept { to = from; }
    static void narrow(const Doubles& from, Floats& to) noexcept { to = static_cast<float>(from); }
};
template<>
struct Converted<2> {
    typedef float Floats __attribute__((vector_size(8)));
    typedef double Doubles __attribute__((vector_size(16)));
    static void widen(const Floats& from, Doubles& to) noexcept {
        to = __builtin_convertvector(from, Doubles);
    }
    static void narrow(const Doubles& from, Floats& to) noexcept {
        to = __builtin_convertvector(from, Floats);
    }
};
template<>
struct Converted<4> {
    typedef float Floats __attribute__((vector_size(16)));
    typedef double Doubles __attribute__((vector_size(32)));
    static void widen(const Floats& from, Doubles& to) noexcept {
        to = __builtin_convertvector(from, Doubles);
    }
    static void narrow(const Doubles& from, Floats& to) noexcept {
        to = __builtin_convertvector(from, Floats);
    }
};
template<>
struct Converted<8> {
    typedef float Floats __attribute__((vector_size(32)));
    typedef double Doubles __attribute__((vector_size(64)));
    static void widen(const Floats& from, Doubles& to) noexcept {
        to = __builtin_convertvector(from, Doubles);
    }
    static void narrow(const Doubles& from, Floats& to) noexcept {
        to = __builtin_convertvector(from, Floats);
    }
};

template<class R>
R widened(const float* from) noexcept {
    typename Converted<R::size>::Floats floats;
    typename Converted<R::size>::Doubles doubles;
    __builtin_memcpy(&floats, from, sizeof floats);
    Converted<R::size>::widen(floats, doubles);
    R result;
    __builtin_memcpy(&result, &doubles, sizeof doubles);
    return result;
}

template<class R>
void store_narrowed(R wide, float* to) noexcept {
    typename Converted<R::size>::Floats floats;
    typename Converted<R::size>::Doubles doubles;
    __builtin_memcpy(&doubles, &wide, sizeof doubles);
    Converted<R::size>::narrow(doubles, floats);
    __builtin_memcpy(to, &floats, sizeof floats);
}

template<class Arch>
double squared_norm(const float* x, std::size_t n) noexcept {
    using R = Register<double, Arch>;
    constexpr std::size_t width = R::size;
    R even(0.0), odd(0.0);
    std::size_t i = 0;
    for (; i + 2 * width <= n; i += 2 * width) {
        const R low = widened<R>(x + i), high = widened<R>(x + i + width);
        even = fma(low, low, even);
        odd = fma(high, high, odd);
    }
    double total = lanes_sum(even + odd);
    for (; i < n; ++i) {
        const double value = element(x + i);
        total += value * value;
    }
    return total;
}

template<class Arch>
bool accumulate(double* sums, const float* x, std::size_t n) noexcept {
    using R = Register<double, Arch>;
    constexpr std::size_t width = R::size;
    R worst(0.0);
    std::size_t i = 0;
    for (; i + width <= n; i += width) {
        const R sum = R::load_unaligned(sums + i) + widened<R>(x + i);
        sum.store_unaligned(sums + i);
        worst = worst + not_finite(sum);
    }
    double rest = lanes_sum(worst);
    for (; i < n; ++i) {
        const double sum = sums[i] + element(x + i);
        sums[i] = sum;
        rest += not_finite(sum);
    }
    return rest == 0.0;
}

template<class Arch>
bool divide(const float* x, double by, float* out, std::size_t n) noexcept {
    using R = Register<double, Arch>;
    constexpr std::size_t width = R::size;
    const R divisor(by);
    std::size_t i = 0;
    for (; i + width <= n; i += width)
        store_narrowed(widened<R>(x + i) / divisor, out + i);
    for (; i < n; ++i)
        out[i] = static_cast<float>(element(x + i) / by);
    return all_finite<Arch>(out, n);
}

// --- Element by element ----------------------------------------------------------------------------

struct Plus {
    template<class R>
    static R of(R a, R b) noexcept {
        return a + b;
    }
    template<class R>
    static auto lost(R, R, R result) noexcept {
        return result != result;
    }
};
struct Minus {
    template<class R>
    static R of(R a, R b) noexcept {
        return a - b;
    }
    template<class R>
    static auto lost(R, R, R result) noexcept {
        return result != result;
    }
};
struct Times {
    template<class R>
    static R of(R a, R b) noexcept {
        return a * b;
    }
    /// A product that is zero though neither factor is.
    template<class R>
    static auto lost(R a, R b, R result) noexcept {
        const R zero(0.0f);
        return (result == zero) & (a != zero) & (b != zero);
    }
};

/// out = a Operation b over whole registers of type R from i on; moves i. False: some element left the range.
template<class R, class Operation>
bool combine_registers(const float* a, const float* b, float* out, std::size_t n, std::size_t& i) noexcept {
    R worst(0.0f);
    auto lost = worst != worst;
    for (; i + R::size <= n; i += R::size) {
        const R left = R::load_unaligned(a + i), right = R::load_unaligned(b + i);
        const R result = Operation::of(left, right);
        result.store_unaligned(out + i);
        worst = worst + not_finite(result);
        lost = lost | Operation::lost(left, right, result);
    }
    return lanes_sum(worst) == 0.0f && !any(lost);
}

template<class Arch, class Operation>
bool combine(const float* a, const float* b, float* out, std::size_t n) noexcept {
    std::size_t i = 0;
    const bool wide = combine_registers<Register<float, Arch>, Operation>(a, b, out, n, i);
    const bool rest = combine_registers<OneLane<float>, Operation>(a, b, out, n, i);
    return wide && rest;
}

// --- Bits ------------------------------------------------------------------------------------------
// Plain code: the set's flags alone bring the popcount instruction, and signs are taken once per vector.

inline void signs(const float* x, std::uint8_t* out, std::size_t n) noexcept {
    for (std::size_t i = 0; i < n; i += 8) {
        const std::size_t bits = n - i < 8 ? n - i : 8;
        unsigned byte = 0;
        for (std::size_t bit = 0; bit < bits; ++bit)
            byte |= static_cast<unsigned>(element(x + i + bit) > 0) << (7 - bit);
        out[i / 8] = static_cast<std::uint8_t>(byte);
    }
}

inline std::uint64_t word(const std::uint8_t* from, std::size_t bytes) noexcept {
    std::uint64_t value = 0;
    __builtin_memcpy(&value, from, bytes < 8 ? bytes : 8);
    return value;
}

inline std::uint64_t bits_different(const std::uint8_t* a, const std::uint8_t* b,
                                    std::size_t bytes) noexcept {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < bytes; i += 8)
        count += static_cast<unsigned>(__builtin_popcountll(word(a + i, bytes - i) ^ word(b + i, bytes - i)));
    return count;
}

inline BitOverlap bits_overlap(const std::uint8_t* a, const std::uint8_t* b, std::size_t bytes) noexcept {
    BitOverlap overlap{0, 0};
    for (std::size_t i = 0; i < bytes; i += 8) {
        const std::uint64_t left = word(a + i, bytes - i), right = word(b + i, bytes - i);
        overlap.both += static_cast<unsigned>(__builtin_popcountll(left & right));
        overlap.either += static_cast<unsigned>(__builtin_popcountll(left | right));
    }
    return overlap;
}

} // namespace
} // namespace soup::simd

#include "core/simd/boxes.inl"
#include "core/simd/code_kernels.inl"

namespace soup::simd {
namespace {

template<class Arch>
constexpr Kernels table_for{
    .l2_squared = l2_squared<Arch>,
    .l2_squared_each = l2_squared_each<Arch>,
    .inner_product = inner_product<Arch>,
    .cosine = cosine<Arch>,
    .l1 = l1<Arch>,
    .squared_norm = squared_norm<Arch>,
    .add = combine<Arch, Plus>,
    .sub = combine<Arch, Minus>,
    .mul = combine<Arch, Times>,
    .divide = divide<Arch>,
    .accumulate = accumulate<Arch>,
    .all_finite = all_finite<Arch>,
    .signs = signs,
    .bits_different = bits_different,
    .bits_overlap = bits_overlap,
    .boxes = box_kernels_for<Arch>,
    .codes = code_kernels_for<Arch>,
};

} // namespace
} // namespace soup::simd
