// All points in a region: depth first over the pages whose boxes meet it, a leaf at a time.
#pragma once

#include "core/tree/walk.hpp"
#include "core/vtree/region.hpp"

namespace soup::vtree {

/// Rows that were found together. Their leaves stay pinned, without a lock, as long as this is kept: until
/// then vacuum cannot have removed the rows' heap tuples.
struct Hits {
    std::vector<tree::Page> leaves;
    std::vector<HeapAddress> rows;
    std::vector<float> points; ///< One after the other, if they are wanted.

    void clear() noexcept {
        leaves.clear();
        rows.clear();
        points.clear();
    }
};

/// A leaf with hits, as it lies there.
struct LeafView {
    simd::PointColumns points;
    std::span<const HeapAddress> rows; ///< Of all points.
    const std::uint64_t* inside;       ///< Which points are hits.
};

/// Who may be content with a look at a leaf.
class LeafViewer {
public:
    virtual ~LeafViewer() = default;
    /// While the leaf is locked. True: that was enough, and the leaf's hits are not wanted.
    virtual bool look(const LeafView& leaf) = 0;
};

class RegionScan {
public:
    enum class Want : std::uint8_t { rows, rows_and_points };

    /// The viewer, if there is one, must outlive the scan.
    RegionScan(tree::PageStore& store, const Layout& layout, Region region, Want want,
               LeafViewer* viewer = nullptr);

    /// The next leaf with hits; false at the end. Order is no order.
    bool next(Hits& hits);

private:
    struct Pending {
        tree::Link link;
        std::uint16_t level; ///< The child's, any_level for the root.
        bool is_within;      ///< The child's box lies inside the region: its points need no test.
    };

    static constexpr std::uint16_t any_level = 0xFFFF;

    void visit(tree::Page& page, const Pending& reason, Hits& hits);
    void take_leaf(tree::Page& leaf, bool is_within, Hits& hits) const;
    void push_children(const tree::Page& inner, bool is_within);

    tree::PageStore& store_;
    Layout layout_;
    Region region_;
    Want want_;
    LeafViewer* viewer_;
    std::vector<Pending> stack_;
    std::vector<Block> soon_;
};

} // namespace soup::vtree
