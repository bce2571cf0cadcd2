// The rotation keeps distances, spreads what is concentrated, and is the same arithmetic everywhere.
#include "tests/unit/vann_fixture.hpp"

#include "core/vann/code.hpp"

namespace soup::vann::test {
namespace {

unsigned padded_of(unsigned dimensions) {
    return Layout(dimensions, Metric::l2, 0).padded;
}

TEST(VannRotation, KeepsDistances) {
    std::mt19937_64 random(1);
    for (const unsigned dimensions : every_dimension) {
        const unsigned padded = padded_of(dimensions);
        const Rotation rotation(padded, 7);
        Floats a = normal(padded, random), b = normal(padded, random);
        const double before = squared_distance(a, b);
        rotation.apply(a.data());
        rotation.apply(b.data());
        // Four rounds of log2(n) + 3 roundings of 2^-24 in each coordinate, most of which cancel.
        EXPECT_NEAR(squared_distance(a, b) / before, 1, 4e-6) << dimensions;
    }
}

/// An image of one coordinate has all of its weight at one place; rotated, no coordinate may have much.
TEST(VannRotation, SpreadsEveryCoordinate) {
    for (const unsigned dimensions : {16U, 17U, 96U, 128U, 384U, 784U, 2000U, 2048U}) {
        const unsigned padded = padded_of(dimensions);
        const Rotation rotation(padded, 7);
        for (unsigned i = 0; i < padded; i += 1 + padded / 50) {
            Floats unit(padded);
            unit[i] = 1;
            rotation.apply(unit.data());
            double fourth = 0;
            for (const float x : unit)
                fourth += double{x} * x * x * x;
            // 3/n for normal coordinates, 1/n for equal magnitudes, 1 for what was not rotated.
            EXPECT_LT(fourth * padded, 12) << dimensions << ", coordinate " << i;
        }
    }
}

TEST(VannRotation, DependsOnTheSeedAlone) {
    Floats a(48, 1), b(48, 1), c(48, 1);
    Rotation(48, 5).apply(a.data());
    Rotation(48, 5).apply(b.data());
    Rotation(48, 6).apply(c.data());
    EXPECT_EQ(a, b);
    EXPECT_NE(a, c);
}

/// FNV-1a over bytes.
template<class T>
std::uint64_t digest(const T* from, std::size_t count, std::uint64_t seed = 14695981039346656037U) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(from);
    for (std::size_t i = 0; i < count * sizeof(T); ++i)
        seed = (seed ^ bytes[i]) * 1099511628211U;
    return seed;
}

/// Stored bytes have to be the same from every compiler on every machine: these digests were taken once and
/// stay, as long as the format does.
TEST(VannRotation, MakesTheSameBytesEverywhere) {
    Floats point(112), centroid(112);
    for (unsigned i = 0; i < 112; ++i) {
        point[i] = static_cast<float>((i * 37) % 101) / 64 - 0.75F;
        centroid[i] = static_cast<float>((i * 53) % 89) / 128 - 0.25F;
    }
    Rotation(112, 42).apply(point.data());
    EXPECT_EQ(digest(point.data(), point.size()), 5901401400126007973U);
    std::uint8_t bits[14];
    const BitFactors a = encode_bits(point.data(), centroid.data(), 112, bits);
    std::int8_t code[112];
    const ByteFactors b = encode_bytes(point.data(), centroid.data(), 112, code);
    std::byte rounded[224];
    const float scale = encode_centroid(centroid.data(), 112, 2, rounded);
    std::uint64_t sum = digest(bits, 14, digest(&a, 1));
    sum = digest(code, 112, digest(&b, 1, sum));
    EXPECT_EQ(digest(rounded, 224, digest(&scale, 1, sum)), 10371233169569904703U);
}

TEST(VannSpace, RefusesOnlyWhatHasNoDirection) {
    Parameters parameters = make_parameters(3, Metric::cosine);
    const Space space(parameters, {});
    Floats point(space.padded());
    const Floats zero{0, 0, 0}, tiny{0, 1e-40F, 0}, large{3e38F, 3e38F, 0};
    EXPECT_FALSE(space.to_point(zero.data(), point.data()));
    EXPECT_TRUE(space.to_point(tiny.data(), point.data()));
    EXPECT_FLOAT_EQ(point[1], 1);
    EXPECT_TRUE(space.to_point(large.data(), point.data()));
    EXPECT_FLOAT_EQ(point[0], std::sqrt(0.5F));
    parameters.metric = Metric::l2;
    EXPECT_TRUE(Space(parameters, {}).to_point(zero.data(), point.data()));
}

TEST(VannSpace, CentresAllButInnerProducts) {
    const Floats mean{1, 2, 3}, vector{1, 2, 4};
    for (const Metric metric : {Metric::l2, Metric::inner_product, Metric::l1}) {
        const Space space(make_parameters(3, metric), mean);
        Floats point(space.padded());
        ASSERT_TRUE(space.to_point(vector.data(), point.data()));
        const Floats expected = metric == Metric::inner_product ? Floats{1, 2, 4} : Floats{0, 0, 1};
        EXPECT_EQ(Floats(point.begin(), point.begin() + 3), expected);
    }
}

TEST(VannSpace, KeepsTheMeanOnPages) {
    std::mt19937_64 random(2);
    for (const unsigned dimensions : {1U, 2032U, 2033U, 16000U}) {
        soup::test::MemoryStore store;
        const Floats mean = normal(dimensions, random);
        const tree::Block first = write_mean(store, mean);
        EXPECT_EQ(read_mean(store, first, dimensions), mean);
        EXPECT_THROW(read_mean(store, first, dimensions + 1), Error);
        EXPECT_THROW(read_mean(store, first, dimensions - 1), Error);
    }
}

TEST(VannParameters, AreReadAsWritten) {
    Parameters parameters = make_parameters(77, Metric::cosine);
    parameters.mean = 5;
    parameters.key_columns = {{1, 4}, {2, 16}};
    parameters.calibration.rows = 1000;
    parameters.calibration.settings[3] = {12, 3, 40, 0.951F, 0.25F, 0.6F};
    parameters.calibration.removed = 77;
    tree::Meta meta{};
    store(parameters, meta);
    EXPECT_EQ(load(meta), parameters);
    EXPECT_EQ(parameters.key_bytes(), 21U);

    meta.geometry[0] = std::byte{9};
    EXPECT_THROW(load(meta), Error);
    parameters.key_columns.assign(8, {1, 16});
    EXPECT_THROW(store(parameters, meta), Error);
}

} // namespace
} // namespace soup::vann::test
