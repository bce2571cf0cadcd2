// The inner pages near a query, read once: what searches with any beam would come by.
#pragma once

#include "core/tree/walk.hpp"
#include "core/vann/geometry.hpp"
#include "core/vann/score.hpp"

namespace soup::vann {

class RouteMap {
public:
    /// `beam` is the widest that will be asked about.
    RouteMap(tree::PageStore& store, const VannGeometry& geometry, unsigned beam)
        : store_(store), geometry_(geometry), beam_(beam) {}

    struct Leaf {
        float order;
        tree::Link link;
        std::uint32_t parent; ///< Its number; see know().
    };
    /// Reads what the widest beam opens.
    void read(const Query& query);
    /// All leaves that it knows, in no order.
    std::span<const Leaf> leaves() const noexcept { return leaves_; }

    /// Which parents a search with this beam opens, by their numbers; returns how many inner pages in all.
    std::size_t know(unsigned beam, std::vector<bool>& parents);

private:
    struct Inner {
        float order;
        tree::Link link;
        std::uint32_t parent;
        std::uint16_t level;
        bool is_read;
    };
    void read_page(const Query& query, std::uint32_t number);
    template<class Open>
    void descend(unsigned beam, Open open);

    tree::PageStore& store_;
    const VannGeometry& geometry_;
    unsigned beam_;
    std::vector<Inner> inner_; ///< The root first.
    std::vector<Leaf> leaves_;
    std::vector<float> scores_;
    std::vector<bool> opened_;
    std::vector<std::uint32_t> nearest_;
};

} // namespace soup::vann
