// The tree's geometry of boxes: a bound is a child's box, its lower corner first.
#pragma once

#include "core/tree/geometry.hpp"
#include "core/vtree/layout.hpp"

namespace soup::vtree {

class BoxGeometry final : public tree::Geometry {
public:
    explicit BoxGeometry(unsigned dimensions) : layout_(dimensions) {}
    const Layout& layout() const noexcept { return layout_; }

    unsigned child_count(const std::byte* inner) const override;
    Block child(const std::byte* inner, unsigned entry) const override;
    unsigned choose(const std::byte* inner, const tree::Item& item) const override;
    bool covers(const std::byte* inner, unsigned entry, const tree::Item& item) const override;
    void extend(std::byte* inner, unsigned entry, const tree::Item& item) const override;
    bool inner_is_full(const std::byte* inner) const override;
    void fill_inner(std::byte* inner, std::span<const tree::Child> children) const override;
    void replace_child(std::byte* inner, unsigned entry, const tree::Child& left,
                       const tree::Child& right) const override;
    void remove_child(std::byte* inner, unsigned entry) const override;

    bool leaf_is_empty(const std::byte* leaf) const override;
    tree::Placed place(tree::PageStore& store, const tree::Page& leaf, const tree::Item& item) const override;
    tree::Removed remove_dead(tree::PageStore& store, const tree::Page& leaf,
                              const std::function<bool(HeapAddress)>& is_dead) const override;
    void companions(tree::PageStore& store, const std::byte* leaf, std::vector<Block>& into) const override;
    void rows(tree::PageStore& store, const tree::Page& leaf,
              const std::function<void(HeapAddress, const tree::RowPlace&)>& visit) const override;
    const char* contradiction(tree::PageStore& store, const tree::Page& leaf, const tree::RowPlace& place,
                              const tree::Item& item) const override;

    void split(tree::PageStore& store, const tree::Page& page, Block left, Block right,
               tree::Halves& into) const override;
    void verify(tree::PageStore& store, const tree::Page& page, const std::byte* parent, unsigned entry,
                const tree::Report& report) const override;

private:
    void check_finite(const tree::Page& page, unsigned count) const;
    void set_entry(std::byte* inner, unsigned entry, const tree::Child& child) const;
    void split_leaf(const std::byte* leaf, unsigned count, tree::Halves& into) const;
    void split_inner(const std::byte* inner, unsigned count, tree::Halves& into) const;
    void verify_leaf(const tree::Page& leaf, unsigned count, const std::byte* parent, unsigned entry,
                     const tree::Report& report) const;
    void verify_inner(const tree::Page& inner, unsigned count, const std::byte* parent, unsigned entry,
                      const tree::Report& report) const;

    Layout layout_;
};

} // namespace soup::vtree
