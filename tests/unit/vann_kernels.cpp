// Every instruction set's code kernels against the definition: whole sums exactly, floats to their rounding.
#include "tests/unit/vann_fixture.hpp"

#include "core/simd/dispatch.hpp"

namespace soup::vann::test {
namespace {

std::vector<simd::Isa> sets_of_this_machine() {
    std::vector<simd::Isa> sets;
    for (const simd::Isa isa : simd::best_first)
        if (simd::available(isa)) sets.push_back(isa);
    return sets;
}

class CodeKernelsOf : public testing::TestWithParam<simd::Isa> {
protected:
    const simd::CodeKernels& kernels() const { return simd::kernels_of(GetParam()).codes; }
    std::mt19937_64 random{3};

    std::vector<std::uint8_t> bytes(std::size_t n, unsigned limit) {
        std::vector<std::uint8_t> some(n);
        for (auto& byte : some)
            byte = static_cast<std::uint8_t>(random() % (limit + 1));
        return some;
    }
};

TEST_P(CodeKernelsOf, SumWholeNumbersExactly) {
    for (const std::size_t pairs : {2U, 4U, 6U, 16U, 98U, 190U, 256U})
        for (const std::size_t blocks : {1U, 2U, 3U, 16U}) {
            SCOPED_TRACE(testing::Message() << pairs << " pairs, " << blocks << " blocks");
            const auto codes = bytes(blocks * pairs * 16, 255);
            auto high = bytes(pairs * 32, 127), low = bytes(pairs * 32, 127);
            if (blocks == 3) { // The largest sums there are.
                high.assign(high.size(), 127);
                low.assign(low.size(), 127);
            }
            const std::size_t entries = blocks * 16;
            const Floats a(entries, 0), f(entries, -1);
            for (const bool is_fine : {false, true}) {
                Floats sums(entries);
                kernels().estimate_bits(
                    {codes.data(), high.data(), is_fine ? low.data() : nullptr, pairs, blocks},
                    {a.data(), f.data(), 0, 0, 1}, sums.data());
                for (std::size_t entry = 0; entry < entries; ++entry) {
                    std::uint32_t expected = 0;
                    for (std::size_t pair = 0; pair < pairs; ++pair) {
                        const unsigned code = codes[(entry / 16 * pairs + pair) * 16 + entry % 16];
                        // Of each four groups the tables lie in the order first, third, second, fourth.
                        const std::size_t first = pair / 2 * 64 + pair % 2 * 16 + (code & 15),
                                          second = pair / 2 * 64 + pair % 2 * 16 + 32 + (code >> 4);
                        expected += is_fine
                                        ? high[first] * 128U + low[first] + high[second] * 128U + low[second]
                                        : std::uint32_t{high[first]} + high[second];
                    }
                    ASSERT_EQ(sums[entry], static_cast<float>(expected)) << "entry " << entry;
                }
            }
        }
}

TEST_P(CodeKernelsOf, EstimateByTheFormula) {
    const auto codes = bytes(512, 255), high = bytes(512, 127);
    const Floats a = normal(32, random, 10), f = normal(32, random);
    Floats sums(32), out(32);
    const Floats zero(32, 0), minus(32, -1);
    kernels().estimate_bits({codes.data(), high.data(), nullptr, 16, 2}, {zero.data(), minus.data(), 0, 0, 1},
                            sums.data());
    kernels().estimate_bits({codes.data(), high.data(), nullptr, 16, 2}, {a.data(), f.data(), 3, -5, 0.25F},
                            out.data());
    for (unsigned i = 0; i < 32; ++i) {
        const double product = -5 + 0.25 * sums[i];
        EXPECT_NEAR(out[i], 3 + a[i] - f[i] * product, 1e-6 * (std::abs(f[i] * product) + 50));
    }
}

TEST_P(CodeKernelsOf, MultiplyCodes) {
    for (const unsigned n : {8U, 16U, 24U, 32U, 48U, 112U, 784U, 8000U}) {
        SCOPED_TRACE(n);
        const Floats x = normal(n, random);
        std::vector<std::int8_t> code(n);
        std::vector<std::int16_t> wide(n);
        for (unsigned i = 0; i < n; ++i) {
            code[i] = static_cast<std::int8_t>(static_cast<int>(random() % 255) - 127);
            wide[i] = static_cast<std::int16_t>(static_cast<int>(random() % 65535) - 32767);
        }
        double dot = 0, magnitude = 0, narrow_distance = 0, wide_distance = 0;
        for (unsigned i = 0; i < n; ++i) {
            dot += double{x[i]} * code[i];
            magnitude += std::abs(double{x[i]} * code[i]);
            narrow_distance += std::pow(x[i] - 0.0125 * code[i], 2);
            wide_distance += std::pow(x[i] - 5e-5 * wide[i], 2);
        }
        EXPECT_NEAR(kernels().dot_code(x.data(), code.data(), n), dot, 1e-6 * magnitude);
        EXPECT_NEAR(kernels().l2_squared_code8(x.data(), code.data(), 0.0125F, n), narrow_distance,
                    2e-6 * narrow_distance);
        EXPECT_NEAR(kernels().l2_squared_code16(x.data(), wide.data(), 5e-5F, n), wide_distance,
                    2e-6 * wide_distance);
    }
}

TEST_P(CodeKernelsOf, MultiplyManyCodes) {
    for (const unsigned n : {8U, 16U, 24U, 112U, 256U})
        for (const unsigned count : {1U, 3U, 4U, 57U}) {
            const Floats x = normal(n, random);
            std::vector<std::int8_t> codes(std::size_t{n} * count);
            for (auto& code : codes)
                code = static_cast<std::int8_t>(static_cast<int>(random() % 255) - 127);
            Floats out(count);
            kernels().dot_codes(x.data(), codes.data(), n, count, out.data());
            for (unsigned i = 0; i < count; ++i)
                EXPECT_NEAR(out[i], kernels().dot_code(x.data(), codes.data() + std::size_t{i} * n, n),
                            1e-4 * n);
        }
}

/// The largest sums there are, too.
TEST_P(CodeKernelsOf, SumProductsOfWholeNumbersExactly) {
    for (const unsigned n : {8U, 16U, 24U, 112U, 256U, 512U})
        for (const unsigned count : {1U, 7U, 8U, 9U, 57U})
            for (const bool is_largest : {false, true}) {
                SCOPED_TRACE(testing::Message() << n << " coordinates, " << count << " codes");
                std::vector<std::int16_t> point(n);
                std::vector<std::int8_t> codes(std::size_t{n} * count);
                for (auto& x : point)
                    x = is_largest ? std::int16_t{-32767}
                                   : static_cast<std::int16_t>(static_cast<int>(random() % 65535) - 32767);
                for (auto& code : codes)
                    code = is_largest ? std::int8_t{127}
                                      : static_cast<std::int8_t>(static_cast<int>(random() % 255) - 127);
                const Floats a = normal(count, random, 10), f = normal(count, random);
                Floats out(count);
                kernels().estimate_bytes({codes.data(), point.data(), n, count},
                                         {a.data(), f.data(), 3, -5, 1e-5F}, out.data());
                for (unsigned i = 0; i < count; ++i) {
                    std::int64_t sum = 0;
                    for (unsigned j = 0; j < n; ++j)
                        sum += std::int64_t{point[j]} * codes[std::size_t{i} * n + j];
                    const double product = -5 + 1e-5 * static_cast<double>(sum);
                    ASSERT_NEAR(out[i], 3 + a[i] - f[i] * product, 1e-6 * (std::abs(f[i] * product) + 50));
                }
            }
}

TEST_P(CodeKernelsOf, RoundToShorts) {
    for (const unsigned n : {8U, 48U, 256U}) {
        Floats x = normal(n, random);
        x[n / 2] = -7;
        std::vector<std::int16_t> shorts(n);
        const float step = kernels().to_shorts(x.data(), n, shorts.data());
        EXPECT_FLOAT_EQ(step, 7.0F / 32767);
        EXPECT_EQ(shorts[n / 2], -32767);
        for (unsigned i = 0; i < n; ++i)
            EXPECT_NEAR(shorts[i] * step, x[i], 0.51 * step);
    }
    const Floats nothing(16, 0);
    std::vector<std::int16_t> shorts(16, 1);
    EXPECT_EQ(kernels().to_shorts(nothing.data(), 16, shorts.data()), 0);
    EXPECT_EQ(shorts, std::vector<std::int16_t>(16, 0));
}

TEST_P(CodeKernelsOf, FindTheLeastOfEachColumn) {
    for (const std::size_t columns : {16U, 64U})
        for (const std::size_t n : {16U, 48U, 64U, 208U}) {
            Floats values = normal(static_cast<unsigned>(n), random);
            values[3] = std::numeric_limits<float>::quiet_NaN();
            values[n - 1] = std::numeric_limits<float>::infinity();
            Floats expected(columns, std::numeric_limits<float>::infinity()), least(columns);
            for (std::size_t i = 0; i < n; ++i)
                if (values[i] < expected[i % columns]) expected[i % columns] = values[i];
            kernels().column_minima(values.data(), n, columns, least.data());
            EXPECT_EQ(least, expected) << n << " in " << columns;
        }
}

TEST_P(CodeKernelsOf, FindWhatSortingWouldPutAtAPlace) {
    for (const std::size_t n : {16U, 48U, 96U})
        for (const int different : {1, 5, 1'000'000}) {
            Floats values(n);
            for (float& value : values)
                value = static_cast<float>(std::uniform_int_distribution(-different, different)(random));
            values[n / 2] = std::numeric_limits<float>::infinity();
            values[n - 1] = -std::numeric_limits<float>::infinity();
            Floats sorted = values;
            std::ranges::sort(sorted);
            for (std::size_t rank = 0; rank < n; ++rank)
                EXPECT_EQ(kernels().at_rank(values.data(), n, rank), sorted[rank]) << rank << " of " << n;
        }
}

TEST_P(CodeKernelsOf, SelectWhatIsBelow) {
    for (const std::size_t n : {16U, 32U, 48U, 256U}) {
        Floats values = normal(static_cast<unsigned>(n), random);
        values[n / 2] = std::numeric_limits<float>::infinity();
        values[n / 3] = std::numeric_limits<float>::quiet_NaN();
        for (const float limit : {-10.0F, -1.0F, 0.0F, 10.0F, std::numeric_limits<float>::infinity()}) {
            std::vector<std::uint16_t> indexes(n);
            Floats selected(n);
            const std::size_t count =
                kernels().select_below(values.data(), n, limit, indexes.data(), selected.data());
            std::vector<std::uint16_t> expected;
            for (std::size_t i = 0; i < n; ++i)
                if (values[i] < limit) expected.push_back(static_cast<std::uint16_t>(i));
            indexes.resize(count);
            ASSERT_EQ(indexes, expected) << n << " below " << limit;
            for (std::size_t i = 0; i < count; ++i)
                EXPECT_EQ(selected[i], values[indexes[i]]);
        }
    }
}

/// Eight sums side by side, added up in pairs that lie four, two and one apart.
class LaneSum {
public:
    void add(std::size_t i, float x) { lanes_[i % 8] += x; }
    float total() const {
        return ((lanes_[0] + lanes_[4]) + (lanes_[2] + lanes_[6])) +
               ((lanes_[1] + lanes_[5]) + (lanes_[3] + lanes_[7]));
    }

private:
    float lanes_[8] = {};
};

/// What is stored must be the same wherever it was made.
TEST_P(CodeKernelsOf, MakeCodesOfResidualsBitForBit) {
    for (const unsigned n : {8U, 48U, 128U, 1520U})
        for (const bool has_centroid : {false, true}) {
            SCOPED_TRACE(testing::Message() << n << (has_centroid ? "" : ", no centroid"));
            Floats x = normal(n, random, 3);
            const Floats c = has_centroid ? normal(n, random) : Floats(n, 0);
            x[1] = c[1]; // No residual: the sign bit is 0.
            x[2] = c[2] - 40;
            const float* centroid = has_centroid ? c.data() : nullptr;
            const float most = kernels().largest_residual(x.data(), centroid, n);
            EXPECT_EQ(most, std::abs(x[2] - c[2]));

            const float steps = 130 / most; // The largest is beyond 127.
            LaneSum square, magnitude, signs_of_centre, product, steps_of_centre;
            std::vector<std::uint8_t> bits(n / 8), expected_bits(n / 8);
            std::vector<std::int8_t> code(n), expected_code(n);
            for (unsigned i = 0; i < n; ++i) {
                const float r = x[i] - c[i];
                const float step = std::nearbyint(std::clamp(r * steps, -127.0F, 127.0F));
                if (r > 0) expected_bits[i / 8] |= static_cast<std::uint8_t>(1U << i % 8);
                expected_code[i] = static_cast<std::int8_t>(step);
                square.add(i, r * r);
                magnitude.add(i, std::abs(r));
                signs_of_centre.add(i, r > 0 ? c[i] : -c[i]);
                product.add(i, r * step);
                steps_of_centre.add(i, c[i] * step);
            }
            const simd::SignSums signs = kernels().take_signs(x.data(), centroid, n, bits.data());
            EXPECT_EQ(bits, expected_bits);
            EXPECT_EQ(signs.square, square.total());
            EXPECT_EQ(signs.magnitude, magnitude.total());
            EXPECT_EQ(signs.centre, signs_of_centre.total());
            const simd::StepSums sums = kernels().take_steps(x.data(), centroid, steps, n, code.data());
            EXPECT_EQ(code, expected_code);
            EXPECT_EQ(sums.square, square.total());
            EXPECT_EQ(sums.product, product.total());
            EXPECT_EQ(sums.centre, steps_of_centre.total());
        }
}

TEST_P(CodeKernelsOf, MakeCodesOfWhatIsNoNumber) {
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    const Floats x{nan, 2, -2.5F, nan, 0.5F, 1.5F, -0.0F, 1};
    EXPECT_EQ(kernels().largest_residual(x.data(), nullptr, 8), 2.5F);
    std::vector<std::int8_t> code(8);
    kernels().take_steps(x.data(), nullptr, 1, 8, code.data());
    EXPECT_EQ(code, (std::vector<std::int8_t>{-127, 2, -2, -127, 0, 2, 0, 1})); // Ties go to even.
    std::uint8_t bits = 0;
    kernels().take_signs(x.data(), nullptr, 8, &bits);
    EXPECT_EQ(bits, 0b10110010);
}

/// Points become stored codes, so here not even the last bit may differ.
TEST_P(CodeKernelsOf, TransformBitForBit) {
    for (std::size_t n = 8; n <= 8192; n *= 2) {
        const Floats x = normal(static_cast<unsigned>(n), random);
        Floats expected = x, out = x;
        for (std::size_t half = 1; half < n; half *= 2)
            for (std::size_t i = 0; i < n; ++i)
                if ((i & half) == 0) {
                    const float a = expected[i], b = expected[i + half];
                    expected[i] = a + b;
                    expected[i + half] = a - b;
                }
        kernels().hadamard(out.data(), n);
        EXPECT_EQ(std::memcmp(out.data(), expected.data(), n * sizeof(float)), 0) << n;
    }
}

TEST_P(CodeKernelsOf, FillTablesWithTheSumsOfSigns) {
    constexpr std::size_t groups = 12;
    const Floats q = normal(48, random);
    constexpr float steps = 700;
    std::vector<std::uint8_t> high(groups * 16), low(groups * 16);
    kernels().fill_tables(q.data(), groups, steps, high.data(), low.data());
    for (unsigned group = 0; group < groups; ++group)
        for (unsigned signs = 0; signs < 16; ++signs) {
            double sum = 0;
            for (unsigned i = 0; i < 4; ++i) {
                const double x = q[group * 4 + i];
                sum += std::abs(x) + ((signs >> i & 1) != 0 ? x : -x);
            }
            constexpr unsigned place[4] = {0, 2, 1, 3};
            const std::size_t at = (group / 4 * 4 + place[group % 4]) * 16 + signs;
            EXPECT_LT(high[at], 128);
            EXPECT_LT(low[at], 128);
            EXPECT_NEAR(high[at] * 128 + low[at], sum * steps, 2.01);
        }
}

INSTANTIATE_TEST_SUITE_P(Vann, CodeKernelsOf, testing::ValuesIn(sets_of_this_machine()),
                         [](const auto& info) { return std::string(simd::name(info.param)); });

} // namespace
} // namespace soup::vann::test
