// core/vtree's packer, fed with the server's rows and sorted by its tuplesort; with workers, who sort a share
// of the rows, where there are more than memory holds.
#include "core/vtree/pack.hpp"

#include "tree/buffer_store.hpp"
#include "vtree/method.hpp"
#include "vtree/options.hpp"

namespace soup::vtree {
namespace {

class VtreeLoader final : public tree::RowTaker {
public:
    VtreeLoader(unsigned dimensions, std::span<const std::byte> plan, tree::Sorter& into)
        : cells_(Cells::from_bytes(dimensions, plan)), assigner_(dimensions, cells_, into) {}

    bool add(const tree::ItemBuffer& row) override {
        assigner_.add(row.point.data(), row.address);
        return true;
    }

private:
    Cells cells_;
    Assigner assigner_;
};

class VtreeBuilder final : public tree::BulkBuilder {
public:
    VtreeBuilder(const Layout& layout, const tree::BuildContext& context)
        : limits_{context.memory_bytes, fill_of(context.index)}, heap_rows_(context.heap_rows),
          fitting_rows_(static_cast<double>(Packer::points_in_memory(layout.dimensions(), limits_))),
          packer_(context.store, layout, limits_, context.make_sorter) {}

    /// A sample is worth its pass over the heap only if the rows will not fit.
    std::size_t sample_rows() const override {
        return heap_rows_ > fitting_rows_ ? Packer::sample_wanted : 0;
    }
    void sample(const tree::ItemBuffer& row) override { packer_.sample(row.point.data()); }
    void train() override {
        if (sample_rows() == 0) return;
        // What is null, or outside a partial index, is missing in the sample, too.
        const double asked = std::min<double>(Packer::sample_wanted, heap_rows_);
        const double rows = heap_rows_ * static_cast<double>(packer_.sampled()) / asked;
        if (rows > fitting_rows_) packer_.divide_sample();
    }
    bool add(const tree::ItemBuffer& row) override {
        packer_.add(row.point.data(), row.address);
        return true;
    }
    void finish() override { packer_.finish(); }

    /// Nothing that fits in memory is better sorted.
    std::optional<std::vector<std::byte>> loading_plan() const override {
        if (packer_.cells() == nullptr) return std::nullopt;
        return packer_.cells()->to_bytes();
    }
    void add_elsewhere(std::uint64_t rows) override { packer_.add_elsewhere(rows); }

private:
    PackLimits limits_;
    double heap_rows_, fitting_rows_;
    Packer packer_;
};

} // namespace

std::unique_ptr<tree::BulkBuilder> VtreeMethod::make_builder(const tree::OpenIndex& open,
                                                             const tree::BuildContext& context) const {
    return std::make_unique<VtreeBuilder>(layout_of(open), context);
}

std::unique_ptr<tree::RowTaker> VtreeMethod::make_loader(const tree::OpenIndex& open,
                                                         std::span<const std::byte> plan,
                                                         tree::Sorter& into) const {
    return std::make_unique<VtreeLoader>(open.meta.dimensions, plan, into);
}

} // namespace soup::vtree
