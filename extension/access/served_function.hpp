// Which kinds of principal may call which soup_api function: soup.api_function, by the function's oid.
#pragma once

#include "access/identity.hpp"
#include "boundary/postgres.hpp"

namespace soup::access {

/// A set of kinds, one bit each.
class KindSet {
public:
    void add(Kind kind) noexcept { bits_ |= 1U << static_cast<unsigned>(kind); }
    bool has(Kind kind) const noexcept { return (bits_ >> static_cast<unsigned>(kind) & 1U) != 0; }

private:
    std::uint32_t bits_ = 0;
};

/// Cached until the catalogue changes. A function outside soup_api or without a row is open to nobody.
KindSet kinds_allowed(Oid function);

} // namespace soup::access
