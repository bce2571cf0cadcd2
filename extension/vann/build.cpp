// core/vann's bulk builder, fed with the server's rows, sorted by its tuplesort, measured against its heap.
#include "core/vann/build.hpp"

#include "tree/buffer_store.hpp"
#include "vann/key_columns.hpp"
#include "vann/measured_rows.hpp"
#include "vann/method.hpp"
#include "vann/settings.hpp"

namespace soup::vann {
namespace {

class VannBuilder final : public tree::BulkBuilder {
public:
    VannBuilder(const OpenVann& open, const tree::BuildContext& context)
        : rows_(context.heap, context.index, open.parameters.dimensions),
          builder_(context.store, open.parameters, options(context)) {}

    std::size_t sample_rows() const override { return builder_.sample_rows(); }
    void sample(const tree::ItemBuffer& row) override { builder_.sample(row.point.data()); }
    void train() override { builder_.train(); }
    /// The vector as it is: the mean, which a point needs, is known after the sample only.
    bool make_row(Relation index, const tree::OpenIndex& open, const Datum* values, const bool* is_null,
                  tree::ItemBuffer& into) const override {
        const auto& vann = static_cast<const OpenVann&>(open);
        if (!read_vector(values[0], is_null[0], vann.parameters.dimensions, into.point)) return false;
        write_keys(index, vann.parameters, values + 1, is_null + 1, into.keys);
        return true;
    }
    bool add(const tree::ItemBuffer& row) override {
        return builder_.add(row.point.data(), row.address, row.keys);
    }
    void finish() override { builder_.finish(); }

private:
    BuildOptions options(const tree::BuildContext& context) {
        BuildOptions options;
        options.memory_bytes = context.memory_bytes;
        options.expected_rows = static_cast<std::uint64_t>(std::max(0.0, context.heap_rows));
        options.leaf_fill = fill_of(context.index);
        options.make_sorter = context.make_sorter;
        options.fetch = [this](tree::HeapAddress address, float* vector) {
            return rows_.fetch(address, vector);
        };
        options.on_measuring = [enter = context.enter_phase] { enter(tree::BuildPhase::measuring); };
        return options;
    }

    MeasuredRows rows_;
    Builder builder_;
};

} // namespace

std::unique_ptr<tree::BulkBuilder> VannMethod::make_builder(const tree::OpenIndex& open,
                                                            const tree::BuildContext& context) const {
    return std::make_unique<VannBuilder>(static_cast<const OpenVann&>(open), context);
}

} // namespace soup::vann
