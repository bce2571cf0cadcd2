// Space divided into cells by planes, each of which cuts one dimension. Points that are sorted by the numbers
// of their cells are near to those before and after them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace soup::vtree {

/// A power of two of cells, made by PointSet::divide_into_cells(). Numbers with the same leading bits are
/// neighbours: cells with the same number / 2^n make up one box.
class Cells {
public:
    std::uint64_t count() const noexcept { return planes_.size(); }
    std::uint64_t cell_of(const float* point) const noexcept;

    /// For another process of the same library.
    std::vector<std::byte> to_bytes() const;
    /// XX000 if the bytes are not those of cells in so many dimensions.
    static Cells from_bytes(unsigned dimensions, std::span<const std::byte> bytes);

private:
    friend class PointSet;
    struct Plane {
        unsigned dimension = 0;
        float value = 0; ///< Points below it go left.
    };
    /// Node n's children are 2n and 2n + 1, the root is 1, what follows the last plane is a cell. The first
    /// is none.
    std::vector<Plane> planes_ = std::vector<Plane>(1);
};

} // namespace soup::vtree
