// core/vann's bulk builder, fed with the server's rows, sorted by its tuplesort, measured against its heap;
// with workers, who load a share of the rows and measure a share of the queries.
#include "core/vann/build.hpp"

#include "tree/buffer_store.hpp"
#include "tree/build_crew.hpp"
#include "vann/key_columns.hpp"
#include "vann/measured_rows.hpp"
#include "vann/method.hpp"
#include "vann/settings.hpp"

namespace soup::vann {
namespace {

/// The vector as it is: the mean, which a point needs, is known after the sample only.
bool make_vector(Relation index, const tree::OpenIndex& open, const Datum* values, const bool* is_null,
                 tree::ItemBuffer& into) {
    const auto& vann = static_cast<const OpenVann&>(open);
    if (!read_vector(values[0], is_null[0], vann.parameters.dimensions, into.point)) return false;
    write_keys(index, vann.parameters, values + 1, is_null + 1, into.keys);
    return true;
}

/// The plan of a measurement.
struct Questions {
    QueryQueue queue;
    std::size_t count;
    RowQuery queries[];

    std::span<const RowQuery> all() const { return {queries, count}; }
};

class VannLoader final : public tree::RowTaker {
public:
    VannLoader(const OpenVann& open, std::span<const std::byte> plan, tree::Sorter& into)
        : clusters_(Clusters::from_bytes(plan)),
          assigner_(open.vann().layout(), open.space, clusters_, into) {}

    bool make_row(Relation index, const tree::OpenIndex& open, const Datum* values, const bool* is_null,
                  tree::ItemBuffer& into) const override {
        return make_vector(index, open, values, is_null, into);
    }
    bool add(const tree::ItemBuffer& row) override {
        return assigner_.add(row.point.data(), row.address, row.keys);
    }

private:
    Clusters clusters_;
    Assigner assigner_;
};

class VannBuilder final : public tree::BulkBuilder {
public:
    VannBuilder(const OpenVann& open, const tree::BuildContext& context)
        : context_(context), rows_(context.heap, context.index, open.parameters.dimensions),
          builder_(context.store, open.parameters, options()) {}

    std::size_t sample_rows() const override { return builder_.sample_rows(); }
    void sample(const tree::ItemBuffer& row) override { builder_.sample(row.point.data()); }
    void train() override { builder_.train(); }
    bool make_row(Relation index, const tree::OpenIndex& open, const Datum* values, const bool* is_null,
                  tree::ItemBuffer& into) const override {
        return make_vector(index, open, values, is_null, into);
    }
    bool add(const tree::ItemBuffer& row) override {
        return builder_.add(row.point.data(), row.address, row.keys);
    }
    void finish() override { builder_.finish(); }

    std::optional<std::vector<std::byte>> loading_plan() const override {
        return builder_.clusters().to_bytes();
    }
    void add_elsewhere(std::uint64_t rows) override { builder_.add_elsewhere(rows); }

    bool is_measured() const override { return true; }
    void measure() override {
        const std::unique_ptr<tree::BuildCrew> crew = hire_to_measure();
        if (!crew) {
            builder_.measure();
        } else {
            const auto tally = std::make_unique<Tally>();
            builder_.measure(reinterpret_cast<Questions*>(crew->plan().data())->queue, *tally);
            crew->wait();
            for (const auto& report : crew->reports())
                tally->add(*reinterpret_cast<const Tally*>(report.bytes.data()));
            builder_.write_calibration(*tally);
        }
        rows_.close();
        if (crew) crew->end();
    }

private:
    BuildOptions options() {
        BuildOptions options;
        options.memory_bytes = context_.memory_bytes;
        options.trainers = static_cast<unsigned>(context_.workers);
        options.loaders = static_cast<unsigned>(context_.workers) + 1;
        options.expected_rows = static_cast<std::uint64_t>(std::max(0.0, context_.heap_rows));
        options.leaf_fill = fill_of(context_.index);
        options.make_sorter = context_.make_sorter;
        options.fetch = [this](tree::HeapAddress address, float* vector) {
            return rows_.fetch(address, vector);
        };
        return options;
    }

    std::unique_ptr<tree::BuildCrew> hire_to_measure() {
        const std::span<const RowQuery> queries = builder_.queries();
        std::vector<std::byte> plan(sizeof(Questions) + queries.size_bytes());
        auto* questions = new (plan.data()) Questions;
        questions->count = queries.size();
        std::ranges::copy(queries, questions->queries);
        return tree::BuildCrew::hire(
            context_.heap, context_.index, context_.info, context_.workers,
            {.job = tree::BuildCrew::Job::assist, .plan = plan, .report_bytes = sizeof(Tally)});
    }

    tree::BuildContext context_;
    MeasuredRows rows_;
    Builder builder_;
};

} // namespace

std::unique_ptr<tree::BulkBuilder> VannMethod::make_builder(const tree::OpenIndex& open,
                                                            const tree::BuildContext& context) const {
    return std::make_unique<VannBuilder>(static_cast<const OpenVann&>(open), context);
}

std::unique_ptr<tree::RowTaker> VannMethod::make_loader(const tree::OpenIndex& open,
                                                        std::span<const std::byte> plan,
                                                        tree::Sorter& into) const {
    return std::make_unique<VannLoader>(static_cast<const OpenVann&>(open), plan, into);
}

void VannMethod::assist(const tree::Assistance& work) const {
    const auto& vann = static_cast<const OpenVann&>(work.open);
    MeasuredRows rows(work.heap, work.index, vann.parameters.dimensions);
    auto& questions = *reinterpret_cast<Questions*>(work.plan.data());
    measure_rows(
        work.store, vann.vann(), vann.space, questions.all(),
        [&](tree::HeapAddress address, float* vector) { return rows.fetch(address, vector); },
        questions.queue, *new (work.report.data()) Tally);
}

} // namespace soup::vann
