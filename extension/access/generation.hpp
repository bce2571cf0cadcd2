// The catalogue's generation: whoever caches something about principals, grants, models or versions keeps the
// generation beside it, read before the data, and drops the cache when the number has changed.
//
// A transaction that changes these tables raises the shared counter just before and just after its commit:
// what was read between the two is old, and the second step throws it away.
#pragma once

#include <cstdint>

namespace soup::access {

/// One atomic read; never 0, so 0 may stand for nothing cached. In a transaction that itself has changed the
/// catalogue every call gives another number, so that it works on what is stored; what it caches never
/// outlives it.
std::uint64_t catalogue_generation() noexcept;

/// Marks the running transaction as one that changes the catalogue. The triggers on the tables call it; C++
/// that writes rows past the executor has to.
void mark_catalogue_change();

} // namespace soup::access
