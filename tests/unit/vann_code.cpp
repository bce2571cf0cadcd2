// Estimates from codes: unbiased, with the error that the theory gives, on pages of every dimension.
//
// For a residual r, a query at q-c and independent random directions, the estimate's error is
// 2|r||q-c| · e with E e = 0 and E e² = (π/2 - 1) / D (Gao and Long, SIGMOD 2024, theorem 3.2, for one bit).
#include "tests/unit/vann_fixture.hpp"

#include "core/simd/dispatch.hpp"
#include "core/vann/leaf_draft.hpp"
#include "core/vann/score.hpp"

namespace soup::vann::test {
namespace {

struct Errors {
    double sum = 0, squares = 0;
    unsigned count = 0;

    void take(double error) {
        sum += error;
        squares += error * error;
        ++count;
    }
    double mean() const { return sum / count; }
    double deviation() const { return std::sqrt(squares / count); }
};

TEST(VannCode, OneBitEstimatesAreUnbiased) {
    std::mt19937_64 random(4);
    for (const unsigned n : {96U, 128U, 784U, 1520U}) {
        Errors errors;
        std::vector<std::uint8_t> bits(n / 8);
        for (unsigned trial = 0; trial < 4000; ++trial) {
            const Floats c = normal(n, random, 2), r = normal(n, random), d = normal(n, random);
            Floats x(n), q(n), decoded(n);
            for (unsigned i = 0; i < n; ++i) {
                x[i] = c[i] + r[i];
                q[i] = c[i] + d[i];
            }
            const BitFactors factors = encode_bits(x.data(), c.data(), n, bits.data());
            double sum = 0;
            for (unsigned i = 0; i < n; ++i)
                sum += (bits[i / 8] >> (i % 8) & 1) != 0 ? q[i] : -q[i];
            const double centre = squared_distance(q, c), length = squared_distance(x, c);
            const double estimate = centre + factors.a - factors.f * sum;
            errors.take((estimate - squared_distance(q, x)) / (2 * std::sqrt(centre * length)));
        }
        const double expected = std::sqrt((std::acos(-1.0) / 2 - 1) / n);
        EXPECT_NEAR(errors.deviation() / expected, 1, 0.1) << n;
        EXPECT_LT(std::abs(errors.mean()), 4 * expected / std::sqrt(4000)) << n;
    }
}

TEST(VannCode, EightBitEstimatesAreNearlyExact) {
    std::mt19937_64 random(5);
    for (const unsigned n : {8U, 96U, 784U, 8000U}) {
        Errors errors;
        std::vector<std::int8_t> code(n);
        for (unsigned trial = 0; trial < 300; ++trial) {
            const Floats c = normal(n, random, 3), r = normal(n, random), d = normal(n, random);
            Floats x(n), q(n);
            for (unsigned i = 0; i < n; ++i) {
                x[i] = c[i] + r[i];
                q[i] = c[i] + d[i];
            }
            const ByteFactors factors = encode_bytes(x.data(), c.data(), n, code.data());
            double dot = 0;
            for (unsigned i = 0; i < n; ++i)
                dot += double{q[i]} * code[i];
            const double estimate = squared_distance(q, c) + factors.b - 2 * factors.f * dot;
            errors.take((estimate - squared_distance(q, x)) /
                        (2 * std::sqrt(squared_distance(q, c) * squared_distance(x, c))));
        }
        // A step is max|r|/127, about 4.5 deviations/127 at most; its rounding's deviation is 1/√12 of it.
        EXPECT_LT(errors.deviation(), 4.5 / 127 / std::sqrt(12.0) / std::sqrt(n)) << n;
        EXPECT_LT(std::abs(errors.mean()), 4 * errors.deviation() / std::sqrt(300)) << n;
    }
}

TEST(VannCode, APointOnItsCentroidHasZeros) {
    const Floats c(32, 1.5F);
    std::uint8_t bits[4];
    std::int8_t code[32];
    const BitFactors a = encode_bits(c.data(), c.data(), 32, bits);
    const ByteFactors b = encode_bytes(c.data(), c.data(), 32, code);
    EXPECT_EQ(a.a, 0);
    EXPECT_EQ(a.f, 0);
    EXPECT_EQ(b.b, 0);
    EXPECT_EQ(b.f, 0);
    for (const std::int8_t step : code)
        EXPECT_EQ(step, 0);
}

TEST(VannCode, DecodesWhatItEncoded) {
    std::mt19937_64 random(6);
    const Floats x = normal(64, random), c = normal(64, random);
    std::int8_t code[64];
    Floats decoded(64);
    const ByteFactors factors = encode_bytes(x.data(), c.data(), 64, code);
    decode_bytes(code, factors.f, c.data(), 64, decoded.data());
    for (unsigned i = 0; i < 64; ++i)
        EXPECT_NEAR(decoded[i], x[i], 0.52 * factors.f + 1e-3 * std::abs(x[i] - c[i]));

    std::uint8_t bits[8], again[8];
    encode_bits(x.data(), c.data(), 64, bits);
    std::vector<std::byte> page(512);
    put_bits(page.data(), 64, 37, bits);
    get_bits(page.data(), 64, 37, again);
    EXPECT_TRUE(std::equal(bits, bits + 8, again));
}

/// A leaf of normal points around a centre that lies `offset` deviations away from the origin.
struct ScoredLeaf {
    ScoredLeaf(unsigned dimensions, Metric metric, float offset, unsigned seed)
        : layout(dimensions, metric, 0), random(seed), draft(layout), query(layout) {
        const Floats centre = normal(layout.padded, random, offset);
        draft.begin(centre.data());
        for (unsigned i = 0; i < layout.leaf.capacity - 3; ++i) {
            Floats x = beside(centre);
            draft.add(x.data(), VannTree::address(i), {}, exact_squared_norm(x.data(), layout.padded));
            points.push_back(std::move(x));
        }
        q = beside(centre);
        query.prepare(q.data());
        soup::test::MemoryStore store;
        draft.write_details(store, 0);
        const LeafView leaf(layout, draft.body(), 0);
        orders.resize(layout.leaf.capacity);
        score = score_leaf(query, leaf, orders.data());
        if (layout.has_details())
            for (unsigned slot = 0; slot < points.size(); ++slot) {
                const tree::Page page =
                    store.lock(leaf.detail_block(slot / layout.detail.per_page), tree::Lock::shared);
                detailed.push_back(
                    score_detail(query, score.centre_distance,
                                 DetailView(layout, page.body())[slot % layout.detail.per_page]));
            }
    }

    /// Only the coordinates of the vector itself differ from 0, but for those below 8 dimensions all do after
    /// a rotation; the padding's are as good as any.
    Floats beside(const Floats& centre) {
        Floats x = normal(layout.padded, random);
        for (unsigned i = 0; i < layout.padded; ++i)
            x[i] += centre[i];
        return x;
    }
    double truth(unsigned slot) const {
        if (!layout.has_norms()) return squared_distance(q, points[slot]);
        double dot = 0;
        for (unsigned i = 0; i < layout.padded; ++i)
            dot += double{q[i]} * points[slot][i];
        return -dot;
    }
    /// What an error is measured by: |q-x|², of which an inner product's order is a half.
    double scale(unsigned slot) const {
        return squared_distance(q, points[slot]) / (layout.has_norms() ? 2 : 1);
    }

    Layout layout;
    std::mt19937_64 random;
    LeafDraft draft;
    Query query;
    std::vector<Floats> points;
    Floats q;
    LeafScore score{};
    Floats orders, detailed;
};

/// Blocks of which no slot is wanted are passed over; what is scored is scored as in a whole leaf.
TEST(VannCode, ScoresOfSomeSlotsAreThoseOfTheWholeLeaf) {
    for (const unsigned dimensions : {16U, 50U, 400U})
        for (const Metric metric : {Metric::l2, Metric::inner_product}) {
            const ScoredLeaf leaf(dimensions, metric, 1, 77);
            std::vector<std::uint16_t> slots;
            for (unsigned slot = 1; slot < leaf.layout.leaf.capacity; slot += slot % 3 == 0 ? 17 : 5)
                slots.push_back(static_cast<std::uint16_t>(slot));
            Floats orders(slots.size());
            const LeafView view(leaf.layout, leaf.draft.body(), 0);
            EXPECT_EQ(score_slots(leaf.query, view, slots, orders.data()), leaf.score.centre_distance);
            for (std::size_t i = 0; i < slots.size(); ++i)
                EXPECT_FLOAT_EQ(orders[i], leaf.orders[slots[i]]) << dimensions << ": slot " << slots[i];
        }
}

TEST(VannScore, EstimatesDistancesInEveryDimension) {
    for (const unsigned dimensions : every_dimension)
        for (const Metric metric : {Metric::l2, Metric::inner_product}) {
            SCOPED_TRACE(testing::Message() << dimensions << " dimensions");
            Errors coarse, fine;
            const ScoredLeaf leaf(dimensions, metric, 0.5F, dimensions);
            for (unsigned slot = 0; slot < leaf.points.size(); ++slot) {
                coarse.take((leaf.orders[slot] - leaf.truth(slot)) / leaf.scale(slot));
                if (leaf.layout.has_details())
                    fine.take((leaf.detailed[slot] - leaf.truth(slot)) / leaf.scale(slot));
            }
            const double n = leaf.layout.leaf_dims;
            // |r||q-c| is about |q-x|²/2. To one bit's error the seen part's own comes: it stands for the
            // rest.
            const double unseen = n / leaf.layout.padded < 1 ? std::sqrt(2 / n) : 0;
            EXPECT_LT(coarse.deviation(),
                      leaf.layout.has_details() ? 1.4 * (0.76 / std::sqrt(n) + unseen) : 0.02);
            const double seen = leaf.layout.detail_dims;
            EXPECT_LT(fine.count > 0 ? fine.deviation() : 0,
                      0.02 / std::sqrt(seen) * 4 +
                          (seen < leaf.layout.padded ? 1.4 * std::sqrt(2 / seen) : 0));
            EXPECT_EQ(leaf.orders[leaf.points.size()], std::numeric_limits<float>::infinity())
                << "a free slot";
        }
}

/// Where a cluster is small and far from the mean, the table's rounding must not drown the estimate.
TEST(VannScore, TellsTightClustersApart) {
    for (const unsigned dimensions : {128U, 784U}) {
        Errors errors;
        for (unsigned seed = 0; seed < 8; ++seed) {
            const ScoredLeaf leaf(dimensions, Metric::l2, 200, seed);
            for (unsigned slot = 0; slot < leaf.points.size(); ++slot)
                errors.take((leaf.orders[slot] - leaf.truth(slot)) / leaf.scale(slot));
        }
        // A centroid of two bytes a coordinate is near enough to the true one. With one byte it is 200 ·
        // 0.008 deviations away from it, which lengthens r and q-c: seven times one bit's error, which
        // details mend.
        const double expected = 0.76 / std::sqrt(dimensions);
        EXPECT_LT(errors.deviation(), dimensions == 128 ? 1.3 * expected : 8 * expected) << dimensions;
    }
}

TEST(VannScore, IsTheSameOnEveryInstructionSet) {
    const simd::Isa chosen = simd::chosen();
    for (const unsigned dimensions : {7U, 128U, 784U, 2048U})
        for (const float offset : {0.5F, 100.0F}) {
            simd::choose(simd::Isa::scalar);
            const ScoredLeaf expected(dimensions, Metric::l2, offset, 1);
            for (const simd::Isa isa : simd::best_first) {
                if (!simd::choose(isa)) continue;
                const ScoredLeaf leaf(dimensions, Metric::l2, offset, 1);
                EXPECT_EQ(std::memcmp(leaf.draft.body(), expected.draft.body(), tree::body_bytes), 0);
                // The last bits of a sum whose largest term is the distance from the origin.
                const double rounding = 3e-6 * dimensions * (1 + offset * offset);
                for (unsigned slot = 0; slot < leaf.points.size(); ++slot)
                    ASSERT_NEAR(leaf.orders[slot], expected.orders[slot], rounding) << simd::name(isa);
            }
        }
    simd::choose(chosen);
}

TEST(VannScore, ReportsTheOperatorsValue) {
    const auto reported = [](Metric metric, float order) {
        const Layout layout(16, metric, 0);
        return Query(layout).reported(order);
    };
    EXPECT_EQ(reported(Metric::l2, 9), 3);
    EXPECT_EQ(reported(Metric::l2, -1), 0) << "an estimate may be below 0, a distance may not";
    EXPECT_EQ(reported(Metric::cosine, 0.5F), 0.25);
    EXPECT_EQ(reported(Metric::inner_product, -7), -7);
}

} // namespace
} // namespace soup::vann::test
