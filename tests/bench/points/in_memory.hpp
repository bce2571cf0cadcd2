// The limit: the same questions to Boost.Geometry's R-tree in this process's memory, packed as vtree is.
#pragma once

#include "tests/bench/points/peer.hpp"
#include "tests/bench/vectors/dataset.hpp"

#include <map>
#include <optional>

namespace soup::bench {

class InMemory {
public:
    virtual ~InMemory() = default;
    virtual long count(const Box& box) const = 0;
    virtual long count(const Ball& ball) const = 0;
    /// How many were found: the wanted ones.
    virtual long nearest(std::span<const float> place, unsigned wanted) const = 0;
};

/// Null for dimensions that it is not compiled for: other than 2, 3, 4, 6, 8 and 16.
std::unique_ptr<InMemory> pack_in_memory(const Vectors& points);

} // namespace soup::bench
