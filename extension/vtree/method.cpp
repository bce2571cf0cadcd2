// What makes an index a vtree index: how many dimensions it has, how a row becomes a point.
#include "vtree/method.hpp"

#include "vector/vector.hpp"

namespace soup::vtree {

constinit const VtreeMethod vtree_method{};

tree::Meta VtreeMethod::new_meta(Relation index) const {
    const std::int32_t dimensions = TupleDescAttr(RelationGetDescr(index), 0)->atttypmod;
    if (dimensions < 0)
        throw Error("22023", "", "column does not have dimensions", "",
                    "Declare it as vector(n), or index the expression (column::vector(n)).");
    if (dimensions > static_cast<std::int32_t>(max_dimensions))
        throw Error("54000", "",
                    "column cannot have more than " + std::to_string(max_dimensions) +
                        " dimensions for vtree index",
                    "It has " + std::to_string(dimensions) + ".",
                    "For nearest neighbours in many dimensions use an index of method vann.");
    tree::Meta meta{};
    meta.dimensions = static_cast<std::uint32_t>(dimensions);
    return meta;
}

bool VtreeMethod::is_of(Relation index, const tree::Meta& meta) const {
    return meta.dimensions == new_meta(index).dimensions;
}

std::unique_ptr<tree::OpenIndex> VtreeMethod::open(tree::PageStore&, const tree::Meta& meta) const {
    auto open = std::make_unique<tree::OpenIndex>();
    open->method = this;
    open->meta = meta;
    open->geometry = std::make_unique<BoxGeometry>(meta.dimensions);
    return open;
}

bool VtreeMethod::make_item(Relation, const tree::OpenIndex& open, const Datum* values, const bool* is_null,
                            tree::ItemBuffer& into) const {
    if (is_null[0]) return false;
    const vector::View view = pg::call([=] { return vector::view(values[0]); });
    const unsigned dimensions = open.meta.dimensions;
    if (static_cast<unsigned>(view.dimensions) != dimensions)
        throw Error("22000", "",
                    "expected " + std::to_string(dimensions) + " dimensions, not " +
                        std::to_string(view.dimensions));
    into.point.resize(dimensions);
    std::memcpy(into.point.data(), view.elements, dimensions * sizeof(float));
    return true;
}

} // namespace soup::vtree
