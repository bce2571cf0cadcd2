// What several processes do for one build is what one process does: the same clusters, the same rows, the
// same recall.
#include "tests/unit/vann_search_fixture.hpp"

#include <functional>
#include <set>

namespace soup::vann::test {
namespace {

/// A sorter whose rows another sorter hands out.
class Share final : public tree::Sorter {
public:
    explicit Share(tree::Sorter& all) : all_(all) {}
    void put(std::uint64_t key, std::span<const std::byte> row) override { all_.put(key, row); }
    void sort() override {}
    bool next(std::uint64_t&, std::span<const std::byte>&) override { return false; }

private:
    tree::Sorter& all_;
};

TEST(VannAssignment, FindsTheSameClustersAfterATripThroughBytes) {
    Clustered source(24, 60, 1);
    Floats sample;
    for (std::size_t i = 0; i < 8000; ++i)
        std::ranges::copy(source.next(), std::back_inserter(sample));
    for (const std::size_t wanted : {std::size_t{1}, std::size_t{30}, std::size_t{300}}) {
        const Clusters clusters = Clusters::train({sample.data(), 8000, 24}, wanted, {});
        const Clusters copy = Clusters::from_bytes(clusters.to_bytes());
        ASSERT_EQ(copy.count(), clusters.count());
        Clusters::Scratch scratch;
        for (std::size_t i = 0; i < 500; ++i) {
            const Floats point = source.next();
            EXPECT_EQ(copy.nearest(point.data(), scratch).cluster,
                      clusters.nearest(point.data(), scratch).cluster);
        }
    }
    EXPECT_EQ(Clusters::from_bytes(Clusters().to_bytes()).count(), 0U);
}

/// How far the leaves' numbers of queries are from their shares: in the mean 1 if chance alone draws them.
double unevenness(VannTree& tree, std::span<const RowQuery> queries) {
    double sum = 0, leaves = 0, rows = 0;
    for (const bool is_counted : {false, true})
        for (tree::Block block = 1; block < tree.store.block_count(); ++block) {
            const tree::Page page = tree.store.lock(block, tree::Lock::shared);
            if (page.tail().kind != tree::PageKind::leaf) continue;
            const LeafView leaf(tree.layout, page.body(), block);
            if (!is_counted) {
                rows += leaf.live();
                continue;
            }
            const std::span addresses(leaf.addresses(), leaf.used());
            const auto here = std::ranges::count_if(queries, [&](const RowQuery& query) {
                return std::ranges::find(addresses, query.row) != addresses.end();
            });
            const double part = static_cast<double>(queries.size()) / rows;
            sum += std::pow(static_cast<double>(here) - part * leaf.live(), 2) /
                   (leaf.live() * part * (1 - part));
            ++leaves;
        }
    return sum / leaves;
}

/// How far the leaves' centroids are from the means of their rows but those `left_out`: squared, in all.
double off_centre(VannTree& tree, const Space& space, const std::vector<Floats>& vectors,
                  const std::set<std::uint64_t>& left_out) {
    const unsigned dims = tree.layout.leaf_dims;
    double off = 0;
    Floats point(space.padded()), centroid(dims);
    for (tree::Block block = 1; block < tree.store.block_count(); ++block) {
        const tree::Page page = tree.store.lock(block, tree::Lock::shared);
        if (page.tail().kind != tree::PageKind::leaf) continue;
        const LeafView leaf(tree.layout, page.body(), block);
        std::vector<double> sums(dims);
        double counted = 0;
        for (unsigned slot = 0; slot < leaf.used(); ++slot) {
            const std::uint64_t row = VannTree::row(leaf.address(slot));
            if (left_out.contains(row)) continue;
            EXPECT_TRUE(space.to_point(vectors[row].data(), point.data()));
            std::transform(sums.begin(), sums.end(), point.begin(), sums.begin(), std::plus<>());
            ++counted;
        }
        leaf.read_centroid(centroid.data());
        for (unsigned i = 0; i < dims; ++i)
            off += std::pow(sums[i] / counted - double{centroid[i]}, 2);
    }
    return off;
}

TEST(VannAssignment, BuildsOneIndexOfSeveralShares) {
    Clustered source(48, 40, 3);
    const auto vectors = source.next(6000);
    const Parameters parameters = make_parameters(48, Metric::l2, 3);
    BuiltTree alone(parameters), together(parameters);
    alone.build(vectors);

    BuildOptions options = together.options(vectors.size());
    tree::Sorter* all = nullptr;
    options.make_sorter = [&](std::size_t) {
        auto sorter = std::make_unique<soup::test::MemorySorter>();
        all = sorter.get();
        return sorter;
    };
    options.fetch = [&](tree::HeapAddress address, float* vector) {
        std::ranges::copy(vectors[VannTree::row(address)], vector);
        return true;
    };
    Builder builder(together.store, parameters, options);
    for (const Floats& vector : vectors)
        builder.sample(vector.data());
    builder.train();
    builder.add(vectors[0].data(), VannTree::address(0), together.keys(0));
    const Clusters clusters = Clusters::from_bytes(builder.clusters().to_bytes());
    const Parameters trained =
        load(tree::meta(together.store.lock(tree::meta_block, tree::Lock::shared).bytes()));
    const Space space(trained, read_mean(together.store, trained.mean, 48));
    for (std::size_t worker = 0; worker < 3; ++worker) {
        Share share(*all);
        Assigner assigner(together.layout, space, clusters, share);
        for (std::size_t row = 1 + worker; row < vectors.size(); row += 3)
            assigner.add(vectors[row].data(), VannTree::address(row), together.keys(row));
        builder.add_elsewhere(assigner.rows());
    }
    builder.finish();
    EXPECT_EQ(builder.rows(), vectors.size());
    EXPECT_EQ(together.rows(), first_rows(vectors.size()));
    EXPECT_EQ(together.violations(), nothing_wrong);

    // Two who measure at once find together what one finds.
    QueryQueue queue, own;
    const auto tally = std::make_unique<Tally>(), other = std::make_unique<Tally>(),
               sum = std::make_unique<Tally>();
    builder.measure(own, *sum);
    const std::span<const RowQuery> queries = builder.queries();
    measure_rows(together.store, together.geometry, space, queries.first(queries.size() / 2), options.fetch,
                 queue, *tally);
    EXPECT_EQ(tally->queries, queries.size() / 2);
    queue.next = queries.size() / 2;
    measure_rows(together.store, together.geometry, space, queries, options.fetch, queue, *other);
    tally->add(*other);
    EXPECT_EQ(tally->queries, sum->queries);
    EXPECT_EQ(choose_settings(*tally, 6000), choose_settings(*sum, 6000));
    builder.write_calibration(*tally);
    EXPECT_EQ(queries.size(), calibration_queries(6000));
    EXPECT_LT(unevenness(together, queries), 0.85);

    // A fifth of all rows has no part in its leaf's centroid, and is said to have none.
    std::set<std::uint64_t> apart;
    for (const RowQuery& query : queries)
        if (query.counted == CalibrationQuery::Counted::apart) apart.insert(VannTree::row(query.row));
    EXPECT_EQ(apart.size(), vectors.size() / 5);
    EXPECT_LT(off_centre(together, space, vectors, apart), off_centre(together, space, vectors, {}) / 100);
    EXPECT_EQ(builder.parameters().calibration.rows, alone.calibration().rows);
}

} // namespace
} // namespace soup::vann::test
