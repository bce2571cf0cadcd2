// The part of a bulk build that every point goes through where there are more than memory holds: into a
// sorter, under its cell's number. Several processes may each have an Assigner, with the same cells and a
// sorter of their own.
#pragma once

#include "core/tree/page.hpp"
#include "core/tree/sorter.hpp"
#include "core/vtree/cells.hpp"
#include "core/vtree/layout.hpp"

namespace soup::vtree {

/// A point and its row, as they come back from the sorter.
struct StoredPoint {
    float point[max_dimensions];
    HeapAddress row;
};
StoredPoint read_stored(unsigned dimensions, std::span<const std::byte> bytes) noexcept;

class Assigner {
public:
    /// Cells and sorter stay the caller's.
    Assigner(unsigned dimensions, const Cells& cells, tree::Sorter& into) noexcept
        : dimensions_(dimensions), cells_(cells), into_(into) {}

    void add(const float* point, HeapAddress row);

private:
    unsigned dimensions_;
    const Cells& cells_;
    tree::Sorter& into_;
};

} // namespace soup::vtree
