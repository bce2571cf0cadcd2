// Four floats at a time, in the compiler's own vector types.
//
// The processors run at the distribution's baseline on purpose: their results are stored and compared byte
// for byte, so the same build has to give the same bytes on every machine. Only lane-wise operations are
// offered, no horizontal ones: what a lane computes doesn't depend on its neighbours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace soup::processors {

using Lanes = float __attribute__((vector_size(16)));
using Counts = std::int32_t __attribute__((vector_size(16)));
inline constexpr std::size_t lane_count = 4;

inline Lanes load(const float* from) {
    Lanes lanes;
    std::memcpy(&lanes, from, sizeof lanes);
    return lanes;
}
inline Counts load(const std::int32_t* from) {
    Counts lanes;
    std::memcpy(&lanes, from, sizeof lanes);
    return lanes;
}
inline void store(float* to, Lanes lanes) {
    std::memcpy(to, &lanes, sizeof lanes);
}
inline void store(std::int32_t* to, Counts lanes) {
    std::memcpy(to, &lanes, sizeof lanes);
}
inline Lanes spread(float value) {
    return Lanes{value, value, value, value};
}

/// f(0), …, f(N − 1) without a loop, the index a constant: arrays of lanes that are only indexed so stay in
/// registers, which at -O2 they don't in a loop (measured: three times slower).
template<std::size_t N, typename F>
inline __attribute__((always_inline)) void unrolled(F&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
        (f(std::integral_constant<std::size_t, I>{}), ...);
    }
    (std::make_index_sequence<N>{});
}

} // namespace soup::processors
