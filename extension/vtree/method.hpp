// vtree as the tree's drivers see it.
#pragma once

#include "core/vtree/geometry.hpp"
#include "tree/method.hpp"

namespace soup::vtree {

inline const Layout& layout_of(const tree::OpenIndex& open) noexcept {
    return static_cast<const BoxGeometry&>(*open.geometry).layout();
}

class VtreeMethod final : public tree::AccessMethod {
public:
    std::uint32_t number() const noexcept override { return 2; }
    std::uint32_t format() const noexcept override { return 1; }
    const char* name() const noexcept override { return "vtree"; }

    tree::Meta new_meta(Relation index) const override;
    bool is_of(Relation index, const tree::Meta& meta) const override;
    std::unique_ptr<tree::OpenIndex> open(tree::PageStore& store, const tree::Meta& meta) const override;
    bool make_item(Relation index, const tree::OpenIndex& open, const Datum* values, const bool* is_null,
                   tree::ItemBuffer& into) const override;
    std::unique_ptr<tree::BulkBuilder> make_builder(const tree::OpenIndex& open,
                                                    const tree::BuildContext& context) const override;
    std::unique_ptr<tree::RowTaker> make_loader(const tree::OpenIndex& open, std::span<const std::byte> plan,
                                                tree::Sorter& into) const override;
};
extern const VtreeMethod vtree_method;

} // namespace soup::vtree
