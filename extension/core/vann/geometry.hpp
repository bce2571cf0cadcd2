// vann as a geometry of the page tree: leaves of coded vectors around a centroid, inner pages of coded
// centroids. An item's point is a Space's; a bound is the child's centroid, leaf_dims floats, and its spread,
// exactly as the child's page keeps them.
#pragma once

#include "core/tree/geometry.hpp"
#include "core/vann/inner_page.hpp"
#include "core/vann/leaf_page.hpp"

namespace soup::vann {

class VannGeometry final : public tree::Geometry {
public:
    explicit VannGeometry(const Parameters& parameters) : layout_(parameters) {}

    const Layout& layout() const noexcept { return layout_; }

    unsigned child_count(const std::byte* inner) const override;
    tree::Block child(const std::byte* inner, unsigned entry) const override;
    unsigned choose(const std::byte* inner, const tree::Item& item) const override;
    void look_ahead(tree::PageStore& store, const tree::Item& item,
                    std::vector<tree::Block>& way) const override;
    bool covers(const std::byte*, unsigned, const tree::Item&) const override { return true; }
    void extend(std::byte*, unsigned, const tree::Item&) const override {}
    bool inner_is_full(const std::byte* inner) const override;
    void fill_inner(std::byte* inner, std::span<const tree::Child> children) const override;
    void replace_child(std::byte* inner, unsigned entry, const tree::Child& left,
                       const tree::Child& right) const override;
    void remove_child(std::byte* inner, unsigned entry) const override;

    bool leaf_is_empty(const std::byte* leaf) const override;
    tree::Placed place(tree::PageStore& store, const tree::Page& leaf, const tree::Item& item) const override;
    tree::Removed remove_dead(tree::PageStore& store, const tree::Page& leaf,
                              const std::function<bool(tree::HeapAddress)>& is_dead) const override;
    void companions(tree::PageStore& store, const std::byte* leaf,
                    std::vector<tree::Block>& into) const override;
    void rows(tree::PageStore& store, const tree::Page& leaf,
              const std::function<void(tree::HeapAddress, const tree::RowPlace&)>& visit) const override;
    const char* contradiction(tree::PageStore& store, const tree::Page& leaf, const tree::RowPlace& place,
                              const tree::Item& item) const override;

    void split(tree::PageStore& store, const tree::Page& page, tree::Block left, tree::Block right,
               tree::Halves& into) const override;
    void verify(tree::PageStore& store, const tree::Page& page, const std::byte* parent, unsigned entry,
                const tree::Report& report) const override;

private:
    void split_leaf(tree::PageStore& store, const tree::Page& page, tree::Block left, tree::Block right,
                    tree::Halves& into) const;
    void split_inner(tree::PageStore& store, const tree::Page& page, tree::Halves& into) const;

    Layout layout_;
};

/// What a parent has to keep of a leaf or inner page: its own centroid, exactly as it was rounded, and its
/// spread.
std::vector<float> page_bound(const Layout& layout, const tree::Page& page);

} // namespace soup::vann
