// How long tokens live, by kind of principal. Absolute: a token is not renewed, its owner logs in again.
#pragma once

#include "access/identity.hpp"

namespace soup::access {

constexpr std::int64_t hours_us = std::int64_t{3600} * 1'000'000;

constexpr std::int64_t token_life_us(Kind kind) noexcept {
    return kind == Kind::producer ? 12 * hours_us : 8 * hours_us;
}

/// How long a retired signing key still has to verify: no token outlives it.
constexpr std::int64_t token_life_us_max = 12 * hours_us;

} // namespace soup::access
