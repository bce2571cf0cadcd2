// How long statements take when nothing of them is in the processor's caches: neither the client's code nor
// the server's, neither what the index has read nor the rows.
#pragma once

#include "tests/bench/vectors/curve.hpp"
#include "tests/bench/vectors/peer.hpp"

#include <optional>

namespace soup::bench {

struct ColdStatement {
    Peer* peer;
    std::string name;                ///< As Peer::ask() has it.
    std::optional<CurvePoint> point; ///< Whose setting it is asked with.
    double seconds = 0;              ///< A mean of all queries; filled in by ask_cold().
};

/// Asks the first `count` queries with each of the statements, query by query in turns: what else uses the
/// machine's memory meanwhile slows all of them alike.
void ask_cold(std::span<ColdStatement> statements, const Vectors& queries,
              std::span<const std::int32_t> numbers, std::size_t count);

/// The same for the first `count` of the peers' questions (Peer::load_questions), some of which are joined
/// with each of the statements in turn: nothing of the executor, the index and the rows is in the caches, and
/// what a statement costs by itself is not counted.
void ask_cold_joined(std::span<ColdStatement> statements, std::size_t count);

} // namespace soup::bench
