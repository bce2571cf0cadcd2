// The inner pages near a query, read once: what searches with any margin would come by.
#pragma once

#include "core/tree/walk.hpp"
#include "core/vann/reach.hpp"

namespace soup::vann {

class RouteMap {
public:
    RouteMap(tree::PageStore& store, const VannGeometry& geometry) : store_(store), geometry_(geometry) {}

    struct Leaf {
        float order;
        tree::Link link;
        std::uint32_t parent; ///< Its number; see know().
    };
    /// Reads as many pages of each level as any margin opens.
    void read(const Query& query);
    /// All leaves that it knows, in no order.
    std::span<const Leaf> leaves() const noexcept { return leaves_; }

    /// A leaf's order is another one, as without one of its rows.
    void move(tree::Block leaf, float order);

    /// Which parents a search with this margin opens, by their numbers; returns how many inner pages in
    /// all.
    std::size_t know(const Query& query, float margin, std::vector<bool>& parents);

private:
    struct Inner {
        float order, spread;
        tree::Link link;
        std::uint32_t parent;
        std::uint16_t level;
        bool is_read;
        Nearest leaves; ///< Of its children.
    };
    class Opening;
    void read_page(const Query& query, std::uint32_t number);
    template<class Takes>
    void choose(std::size_t level, std::size_t wanted, Takes takes);

    tree::PageStore& store_;
    const VannGeometry& geometry_;
    std::vector<Inner> inner_; ///< The root first.
    std::vector<Leaf> leaves_;
    std::vector<float> scores_;
    std::vector<bool> opened_;
    std::vector<std::uint32_t> chosen_;
};

} // namespace soup::vann
