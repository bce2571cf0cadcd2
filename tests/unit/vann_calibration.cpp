// You ask for recall: what calibration promises is what queries get that the index has never seen.
#include "tests/unit/vann_search_fixture.hpp"

#include "core/simd/dispatch.hpp"

namespace soup::vann::test {
namespace {

/// Queries are few here, so their own recall is uncertain by about .015; three times that would be a promise
/// broken. Where one leaf more or less makes a great difference, the promise is kept from above.
void expect_promises_kept(BuiltTree& tree, const Asked& asked, const Calibration& calibration) {
    for (std::size_t i = 0; i < recall_targets.size(); ++i) {
        const Setting& setting = calibration.settings[i];
        const double recall = asked.recall(tree, settings_for(calibration, double{recall_targets[i]}));
        EXPECT_NEAR(recall, setting.measured_recall, 0.04) << recall_targets[i];
        EXPECT_GT(recall, recall_targets[i] - 0.04);
        if (setting.probes > 4) {
            EXPECT_LT(setting.measured_recall, recall_targets[i] + 0.002F);
        }
    }
}

TEST(VannCalibration, KeepsItsPromiseAfterABuild) {
    for (const unsigned dimensions : {24U, 200U}) {
        Clustered source(dimensions, 100, 31);
        const auto vectors = source.next(10'000);
        const Asked asked(vectors, source.next(150));
        BuiltTree tree(make_parameters(dimensions));
        tree.build(vectors);
        expect_promises_kept(tree, asked, tree.calibration());
    }
}

/// What was drawn is the row that it says it is, but for the codes' rounding.
void expect_rows(const BuiltTree& tree, const std::vector<Floats>& vectors,
                 const std::vector<CalibrationQuery>& drawn) {
    for (const CalibrationQuery& query : drawn) {
        const Floats point = tree.point(vectors[VannTree::row(query.self)]);
        EXPECT_LT(squared_distance(query.point, point),
                  0.001 * squared_distance(point, Floats(point.size())));
    }
}

TEST(VannCalibration, KeepsItsPromiseForAnIndexInUse) {
    Clustered source(32, 100, 32);
    const auto vectors = source.next(10'000);
    const Asked asked(vectors, source.next(150));
    BuiltTree tree(make_parameters(32));
    tree.build({vectors.begin(), vectors.begin() + 2000});
    for (std::uint64_t row = 2000; row < vectors.size(); ++row)
        tree.insert(row, vectors[row]);
    auto drawn = draw_queries(tree.store, tree.geometry, 500, 1);
    EXPECT_EQ(drawn.size(), 500U);
    expect_rows(tree, vectors, drawn);
    const Calibration calibration = calibrate(tree.store, tree.geometry, drawn, {}, vectors.size());
    expect_promises_kept(tree, asked, calibration);
}

/// Of codes in the leaf, of details, and of details that see more than the leaf does.
TEST(VannCalibration, DrawsRowsAsTheyAreButForRounding) {
    for (const unsigned dimensions : {32U, 100U, 2500U}) {
        const auto vectors = Clustered(dimensions, 10, 38).next(1000);
        BuiltTree tree(make_parameters(dimensions));
        tree.build(vectors);
        const auto drawn = draw_queries(tree.store, tree.geometry, 100, 1);
        EXPECT_EQ(drawn.size(), 100U);
        expect_rows(tree, vectors, drawn);
    }
}

TEST(VannCalibration, DrawsNothingFromDetailsOfAnotherLeaf) {
    BuiltTree tree(make_parameters(100));
    tree.build(Clustered(100, 10, 39).next(1000));
    for (tree::Block block = 1; block < tree.store.block_count(); ++block) {
        tree::Tail& tail = tree::tail(tree.store.raw(block));
        if (tail.kind == tree::PageKind::companion) tail.owner = tree.store.block_count();
    }
    try {
        draw_queries(tree.store, tree.geometry, 10, 1);
        FAIL() << "they were drawn";
    } catch (const Error& error) {
        EXPECT_STREQ(error.sqlstate(), "XX002");
    }
}

TEST(VannCalibration, AsksForNoMoreThanNeeded) {
    // Everything is in one leaf: one probe finds all that can be found.
    const auto vectors = Clustered(24, 5, 33).next(100);
    BuiltTree tree(make_parameters(24));
    tree.build(vectors);
    for (const Setting& setting : tree.calibration().settings)
        EXPECT_EQ(setting.probes, 1U);
}

TEST(VannCalibration, NeverTakesLessForMore) {
    const auto vectors = Clustered(64, 60, 34).next(12'000);
    BuiltTree tree(make_parameters(64));
    tree.build(vectors);
    const auto& settings = tree.calibration().settings;
    for (std::size_t i = 1; i < settings.size(); ++i) {
        EXPECT_GE(settings[i].reach, settings[i - 1].reach);
        EXPECT_GE(settings[i].margin, settings[i - 1].margin);
        EXPECT_GE(settings[i].beam, settings[i - 1].beam);
        EXPECT_GE(settings[i].rerank, settings[i - 1].rerank);
        EXPECT_GE(settings[i].probes, settings[i - 1].probes);
    }
    EXPECT_GT(settings.back().reach, settings.front().reach);
}

/// Rows in groups that are nearly the same, as overlapping windows of a signal are: each finds its nearest
/// without looking far. Queries that belong to no group need more, and a reach gives them more than a number
/// of leaves would. Asked for a recall that takes several leaves: of one or two, the whole number above their
/// mean is half as many again.
TEST(VannCalibration, FindsMoreByReachForQueriesUnlikeTheRows) {
    Clustered source(64, 100, 35);
    std::mt19937_64 random(36);
    std::vector<Floats> vectors;
    while (vectors.size() < 12'000) {
        const Floats seed = source.next();
        for (int twin = 0; twin < 12; ++twin) {
            vectors.push_back(seed);
            for (float& x : vectors.back())
                x += normal(1, random, 0.01F)[0];
        }
    }
    BuiltTree tree(make_parameters(64));
    tree.build(vectors);
    const Asked asked(vectors, source.next(150));
    const SearchSettings settings = settings_for(tree.calibration(), 0.99);
    SearchSettings fixed = settings;
    fixed.reach.reset();
    EXPECT_GT(asked.recall(tree, settings), asked.recall(tree, fixed));
}

TEST(VannCalibration, IsOutdatedWhenAGoodPartOfTheRowsIsNew) {
    Calibration calibration{};
    EXPECT_FALSE(is_outdated(calibration, 999));
    EXPECT_TRUE(is_outdated(calibration, 1000));
    calibration.rows = 12'000;
    EXPECT_FALSE(is_outdated(calibration, 12'000));
    EXPECT_FALSE(is_outdated(calibration, 17'000));
    EXPECT_TRUE(is_outdated(calibration, 18'000));
    calibration.removed = 6000; // Half is gone, then back.
    EXPECT_FALSE(is_outdated(calibration, 6000));
    EXPECT_TRUE(is_outdated(calibration, 12'000));
    calibration.removed = 10'000;
    EXPECT_TRUE(is_outdated(calibration, 2000));
    calibration.removed = 1000;
    EXPECT_FALSE(is_outdated(calibration, 11'500));
}

TEST(VannCalibration, OfNothingIsNone) {
    BuiltTree tree(make_parameters(24));
    EXPECT_TRUE(draw_queries(tree.store, tree.geometry, 10, 1).empty());
    EXPECT_EQ(calibrate(tree.store, tree.geometry, {}, {}, 0).rows, 0U);
}

TEST(VannCalibration, GoesEvenlyFromTargetToTarget) {
    Calibration calibration{};
    calibration.rows = 1000;
    for (std::uint32_t i = 0; i < recall_targets.size(); ++i) {
        const auto step = static_cast<float>(i);
        calibration.settings[i] = {4U << i, 2U << i, 10U << i, recall_targets[i], 0.1F * step - 0.1F, step};
    }
    for (std::size_t i = 0; i < recall_targets.size(); ++i) {
        const SearchSettings settings = settings_for(calibration, double{recall_targets[i]});
        EXPECT_EQ(settings.probes, calibration.settings[i].probes);
        EXPECT_EQ(settings.beam, calibration.settings[i].beam);
        EXPECT_EQ(settings.rerank, calibration.settings[i].rerank);
        EXPECT_FLOAT_EQ(settings.reach.value(), calibration.settings[i].reach);
        EXPECT_FLOAT_EQ(settings.margin, calibration.settings[i].margin);
    }
    EXPECT_GT(settings_for(calibration, 0.92).margin, calibration.settings[2].margin);
    EXPECT_LT(settings_for(calibration, 0.92).margin, calibration.settings[3].margin);
    EXPECT_GT(settings_for(calibration, 0.92).reach.value(), calibration.settings[2].reach);
    EXPECT_LT(settings_for(calibration, 0.92).reach.value(), calibration.settings[3].reach);
    EXPECT_EQ(settings_for(calibration, 0.1).probes, 4U);
    for (const bool is_measured : {true, false}) {
        if (!is_measured) calibration = {};
        unsigned before = 0;
        for (int thousandths = 500; thousandths <= 1000; ++thousandths) {
            const unsigned probes = settings_for(calibration, thousandths / 1000.0).probes;
            EXPECT_GE(probes, std::max(before, 1U));
            before = probes;
        }
        EXPECT_LE(before, 4096U);
    }
    EXPECT_GT(settings_for(calibration, 0.999).probes, settings_for(calibration, 0.995).probes);
}

} // namespace
} // namespace soup::vann::test
