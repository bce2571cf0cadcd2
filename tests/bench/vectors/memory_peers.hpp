// hnswlib and FAISS on the same vectors, one thread, in memory: what is possible without pages, locks and a
// log.
#pragma once

#include "tests/bench/vectors/truth.hpp"

#include <cstdio>

namespace soup::bench {

/// Prints each one's curve, and a line of JSON for each point.
void measure_peers(const Vectors& base, const Vectors& queries, const Truth& truth, std::FILE* json);

} // namespace soup::bench
