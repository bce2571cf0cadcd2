// Divisions are complete and within their limits whatever the rows are; clusters are near their rows and are
// found again.
#include "tests/unit/vann_search_fixture.hpp"

#include "core/vann/trainers.hpp"

#include <thread>

namespace soup::vann::test {
namespace {

struct Table {
    explicit Table(const std::vector<Floats>& vectors)
        : dimensions(vectors.at(0).size()), count(vectors.size()) {
        for (const Floats& vector : vectors)
            values.insert(values.end(), vector.begin(), vector.end());
    }
    Rows rows() const { return {values.data(), count, dimensions}; }

    std::size_t dimensions, count;
    Floats values;
};

std::vector<std::size_t> sizes(const Division& division) {
    std::vector<std::size_t> sizes(division.groups);
    for (const std::uint32_t group : division.group)
        ++sizes.at(group);
    return sizes;
}

TEST(VannKmeans, DividesIntoAboutAsManyGroupsAsWanted) {
    for (const std::size_t wanted : {1, 2, 7, 40, 41, 300, 1000}) {
        const Table table(Clustered(12, 50, wanted).next(4000));
        const Division division = divide(table.rows(), wanted, {});
        EXPECT_EQ(division.group.size(), 4000U);
        EXPECT_GE(division.groups, wanted * 3 / 4);
        EXPECT_LE(division.groups, wanted * 9 / 8 + 1);
        EXPECT_GT(std::ranges::min(sizes(division)), 0U);
    }
}

TEST(VannKmeans, KeepsWithinTheLimit) {
    for (const std::size_t most : {1, 3, 16, 64, 5000}) {
        const Table table(Clustered(12, 5, most).next(3000));
        for (const std::size_t wanted : {(3000 + most - 1) / most, 3000 / most * 3 / 2 + 1}) {
            const Division division = divide_within(table.rows(), wanted, most, {});
            EXPECT_LE(std::ranges::max(sizes(division)), most);
            EXPECT_GT(std::ranges::min(sizes(division)), 0U);
            EXPECT_LE(division.groups, 2 * wanted + 2) << "limit " << most;
        }
    }
}

TEST(VannKmeans, DividesEqualRows) {
    std::vector<Floats> vectors(1000, Floats{1, 2, 3});
    EXPECT_EQ(divide(Table(vectors).rows(), 20, {}).groups, 1U);
    EXPECT_LE(std::ranges::max(sizes(divide_within(Table(vectors).rows(), 10, 110, {}))), 110U);
    // And rows of which most are equal.
    for (std::size_t i = 0; i < 100; ++i)
        vectors[i * 10] = {static_cast<float>(i), 0, 0};
    const Division division = divide_within(Table(vectors).rows(), 15, 100, {});
    EXPECT_LE(std::ranges::max(sizes(division)), 100U);
    EXPECT_LE(division.groups, 60U);
}

TEST(VannKmeans, HasNoClusterWithoutRowsAndOneForOne) {
    EXPECT_EQ(Clusters::train({nullptr, 0, 8}, 10, {}).count(), 0U);
    const Table one({Floats{1, 2, 3}});
    const Clusters clusters = Clusters::train(one.rows(), 10, {});
    ASSERT_EQ(clusters.count(), 1U);
    EXPECT_EQ(clusters.centroid(0)[2], 3);
}

double mean_distance(const Table& table, const Clusters& clusters, std::size_t& found_nearest) {
    double sum = 0;
    Clusters::Scratch scratch;
    for (std::size_t i = 0; i < table.count; ++i) {
        const Floats row(table.rows().row(i), table.rows().row(i) + table.dimensions);
        const Clusters::Near near = clusters.nearest(row.data(), scratch);
        double best = near.distance;
        for (std::size_t c = 0; c < clusters.count(); ++c)
            best = std::min(
                best, squared_distance(row, {clusters.centroid(c), clusters.centroid(c) + table.dimensions}));
        found_nearest += near.distance <= best * (1 + 1e-5) ? 1 : 0;
        sum += near.distance;
    }
    return sum / static_cast<double>(table.count);
}

TEST(VannKmeans, FindsClustersThatAreThereAndFindsThemAgain) {
    // 300 well-separated balls of unit variance a coordinate: the best possible mean is their own.
    std::mt19937_64 random(5);
    std::vector<Floats> centres, vectors;
    for (int i = 0; i < 300; ++i)
        centres.push_back(normal(16, random, 20));
    for (int i = 0; i < 12'000; ++i) {
        Floats vector = normal(16, random);
        for (unsigned d = 0; d < 16; ++d)
            vector[d] += centres[static_cast<std::size_t>(i) % 300][d];
        vectors.push_back(vector);
    }
    const Table table(vectors);
    const Clusters clusters = Clusters::train(table.rows(), 600, {});
    std::size_t found_nearest = 0;
    // Fewer than 16 a row says that hardly any cluster was left without a centroid: a miss costs about 800.
    EXPECT_LT(mean_distance(table, clusters, found_nearest), 18);
    EXPECT_GT(found_nearest, 12'000U * 95 / 100);
}

TEST(VannKmeans, GivesTheSameOnTwoThreads) {
    const Table table(Clustered(24, 30, 6).next(6000));
    Trainers trainers(1, [] {});
    KmeansOptions two;
    two.parallel_for = [&](std::size_t n, const std::function<void(std::size_t)>& body) {
        trainers.run(n, body);
    };
    EXPECT_EQ(divide(table.rows(), 100, two).group, divide(table.rows(), 100, {}).group);
}

TEST(VannKmeans, EndsWhenInterrupted) {
    const Table table(Clustered(24, 30, 6).next(6000));
    KmeansOptions options;
    int calls = 0;
    options.check_interrupts = [&] {
        if (++calls == 20) throw std::runtime_error("cancelled");
    };
    EXPECT_THROW(Clusters::train(table.rows(), 100, options), std::runtime_error);
    EXPECT_EQ(calls, 20);
}

} // namespace
} // namespace soup::vann::test
