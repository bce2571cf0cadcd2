// core/vann's bulk builder, fed with the server's rows, sorted by its tuplesort, measured against its heap.
#include "core/vann/build.hpp"

#include "boundary/memory.hpp"
#include "tree/buffer_store.hpp"
#include "vann/key_columns.hpp"
#include "vann/method.hpp"
#include "vann/row_reader.hpp"

extern "C" {
#include "utils/snapmgr.h"
}

namespace soup::vann {
namespace {

/// Rows' vectors as a new snapshot sees them. Made when the measuring begins, so that no snapshot is held
/// during the build.
class MeasuredRows {
public:
    MeasuredRows(Relation heap, Relation index, unsigned dimensions)
        : heap_(heap), index_(index), dimensions_(dimensions) {}
    ~MeasuredRows() {
        if (!reader_ || pg::server_error_unwinding()) return;
        reader_->close();
        UnregisterSnapshot(snapshot_);
    }
    MeasuredRows(const MeasuredRows&) = delete;
    MeasuredRows& operator=(const MeasuredRows&) = delete;

    bool fetch(tree::HeapAddress address, float* vector) {
        if (!reader_) {
            snapshot_ = pg::call([] { return RegisterSnapshot(GetLatestSnapshot()); });
            reader_.emplace(heap_, index_, snapshot_);
            scratch_.emplace("soupvec measuring");
        }
        const pg::ContextScope scope(scratch_->get());
        scratch_->reset();
        const std::optional<Datum> value = reader_->read(address);
        if (!value || !read_vector(*value, false, dimensions_, vector_)) return false;
        std::memcpy(vector, vector_.data(), dimensions_ * sizeof(float));
        return true;
    }

private:
    Relation heap_, index_;
    unsigned dimensions_;
    Snapshot snapshot_ = nullptr;
    std::optional<pg::OwnedContext> scratch_; ///< For detoasted values.
    std::optional<RowReader> reader_;
    std::vector<float> vector_;
};

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

void VannMethod::after_vacuum(Relation, tree::BufferStore&, const tree::OpenIndex&, double) const {}

} // namespace soup::vann
