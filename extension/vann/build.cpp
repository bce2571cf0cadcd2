// Bulk build: row by row through the tree's own insert.
#include "core/tree/insert.hpp"

#include "tree/buffer_store.hpp"
#include "vann/method.hpp"

namespace soup::vann {
namespace {

class VannBuilder final : public tree::BulkBuilder {
public:
    VannBuilder(const OpenVann& open, const tree::BuildContext& context)
        : open_(open), store_(context.store) {}

    void add(const tree::ItemBuffer& row) override { tree::insert(store_, open_.vann(), row.item()); }
    void finish() override {}

private:
    const OpenVann& open_;
    tree::PageStore& store_;
};

} // namespace

std::unique_ptr<tree::BulkBuilder> VannMethod::make_builder(const tree::OpenIndex& open,
                                                            const tree::BuildContext& context) const {
    return std::make_unique<VannBuilder>(static_cast<const OpenVann&>(open), context);
}

void VannMethod::after_vacuum(Relation, tree::BufferStore&, const tree::OpenIndex&, double) const {}

} // namespace soup::vann
