// vann as the tree's drivers see it.
#pragma once

#include "core/vann/space.hpp"
#include "core/vann/geometry.hpp"
#include "tree/method.hpp"

namespace soup::vann {

struct SearchTools;

/// What a session keeps of a vann index.
struct OpenVann final : tree::OpenIndex {
    OpenVann(const Parameters& parameters, std::span<const float> mean)
        : parameters(parameters), space(parameters, mean) {}
    ~OpenVann() override;

    const VannGeometry& vann() const noexcept { return static_cast<const VannGeometry&>(*geometry); }

    Parameters parameters;
    Space space;
    /// The last scan's, for the next one.
    mutable std::unique_ptr<SearchTools> spare_tools;
};

class VannMethod final : public tree::AccessMethod {
public:
    std::uint32_t number() const noexcept override { return 1; }
    std::uint32_t format() const noexcept override { return 2; }
    const char* name() const noexcept override { return "vann"; }

    tree::Meta new_meta(Relation index) const override;
    bool is_of(Relation index, const tree::Meta& meta) const override;
    std::unique_ptr<tree::OpenIndex> open(tree::PageStore& store, const tree::Meta& meta) const override;
    bool make_item(Relation index, const tree::OpenIndex& open, const Datum* values, const bool* is_null,
                   tree::ItemBuffer& into) const override;
    std::unique_ptr<tree::BulkBuilder> make_builder(const tree::OpenIndex& open,
                                                    const tree::BuildContext& context) const override;
    std::unique_ptr<tree::RowTaker> make_loader(const tree::OpenIndex& open, std::span<const std::byte> plan,
                                                tree::Sorter& into) const override;
    void assist(const tree::Assistance& assistance) const override;
    void after_vacuum(Relation index, tree::BufferStore& store, const tree::OpenIndex& open, double live_rows,
                      double removed_rows) const override;
};
extern const VannMethod vann_method;

/// The vector of a row, copied because a short value in a table is not aligned. False if it is null; 22000 if
/// its dimension is not the index's.
bool read_vector(Datum value, bool is_null, unsigned dimensions, std::vector<float>& into);

} // namespace soup::vann
