// Every instruction set's kernels against a reference in double, at every length that meets a border.
//
// Method: all sets that this machine runs are tested, and the list is printed; a set that the machine has but
// that did not run is a failure, one it lacks is named as not run. Two kinds of input: small integers, whose
// float sums are exact in any order, so that results must be equal bit for bit; and reals, whose sums may
// differ by the rounding of n additions and the term itself: |error| ≤ (n + 4) · 2^-24 · Σ|term| (Higham,
// "Accuracy and Stability", 3.1; the bound holds for every order of summation and with or without fusing).
// Pointers are taken at all 64 byte offsets modulo the widest register, odd ones included.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <set>
#include <vector>

#include "core/simd/dispatch.hpp"

namespace soup::simd {
namespace {

constexpr std::size_t longest = 1100;
constexpr double rounding = 0x1p-24;
constexpr float infinity = std::numeric_limits<float>::infinity();

/// 0 to 3, and around every multiple of each register width up to four registers' step, to 1,100.
std::vector<std::size_t> border_lengths() {
    std::set<std::size_t> lengths{0, 1, 2, 3, longest};
    for (std::size_t width : {4, 8, 16})
        for (std::size_t at = width; at <= longest; at += (at < 16 * width ? width : 4 * width))
            for (std::size_t n : {at - 1, at, at + 1})
                if (n <= longest) lengths.insert(n);
    return {lengths.begin(), lengths.end()};
}

std::vector<Isa> runnable() {
    std::vector<Isa> sets;
    for (Isa isa : best_first)
        if (available(isa)) sets.push_back(isa);
    return sets;
}

/// Floats at a byte offset of the test's choosing, with a guard of NaN on both sides that no kernel may read
/// into a result.
class Floats {
public:
    Floats(const std::vector<float>& values, std::size_t byte_offset)
        : bytes_(64 + 64 + values.size() * 4 + 64), start_(64 + byte_offset) {
        const float nan = std::numeric_limits<float>::quiet_NaN();
        for (std::size_t at = byte_offset % 4; at + 4 <= bytes_.size(); at += 4)
            std::memcpy(bytes_.data() + at, &nan, 4);
        if (!values.empty()) std::memcpy(bytes_.data() + start_, values.data(), values.size() * 4);
    }
    const float* data() const { return reinterpret_cast<const float*>(bytes_.data() + start_); }

private:
    std::vector<unsigned char> bytes_;
    std::size_t start_;
};

std::vector<float> whole_numbers(std::size_t n, std::mt19937& random) {
    std::uniform_int_distribution<int> numbers(-8, 8);
    std::vector<float> values(n);
    for (float& value : values)
        value = static_cast<float>(numbers(random));
    return values;
}

std::vector<float> reals(std::size_t n, std::mt19937& random) {
    std::normal_distribution<float> numbers(0.3f, 2.0f);
    std::vector<float> values(n);
    for (float& value : values)
        value = numbers(random);
    return values;
}

/// A sum in double and the sum of its terms' magnitudes, which scales the tolerance.
struct Reference {
    double sum = 0, magnitude = 0;
    void add(double term) {
        sum += term;
        magnitude += std::fabs(term);
    }
    double tolerance(std::size_t n) const { return static_cast<double>(n + 4) * rounding * magnitude; }
};

struct References {
    Reference l2, dot, norm_a, norm_b, l1;
    References(const std::vector<float>& a, const std::vector<float>& b) {
        for (std::size_t i = 0; i < a.size(); ++i) {
            const double x = a[i], y = b[i];
            l2.add((x - y) * (x - y));
            dot.add(x * y);
            norm_a.add(x * x);
            norm_b.add(y * y);
            l1.add(std::fabs(x - y));
        }
    }
};

class EachIsa : public testing::TestWithParam<Isa> {
protected:
    void SetUp() override { ran().insert(GetParam()); }
    const Kernels& kernel() const { return kernels_of(GetParam()); }
    std::mt19937 random{20240607};

public:
    static std::set<Isa>& ran() {
        static std::set<Isa> sets;
        return sets;
    }
};

TEST_P(EachIsa, SumsOfWholeNumbersAreExactAtEveryBorder) {
    for (std::size_t n : border_lengths()) {
        const auto a = whole_numbers(n, random), b = whole_numbers(n, random);
        const References exact(a, b);
        for (std::size_t offset : {0, 1, 4, 12, 31, 60}) {
            SCOPED_TRACE(testing::Message() << "length " << n << ", byte offset " << offset);
            const Floats left(a, offset), right(b, 63 - offset);
            EXPECT_EQ(kernel().l2_squared(left.data(), right.data(), n), exact.l2.sum);
            EXPECT_EQ(kernel().inner_product(left.data(), right.data(), n), exact.dot.sum);
            EXPECT_EQ(kernel().l1(left.data(), right.data(), n), exact.l1.sum);
            EXPECT_EQ(kernel().squared_norm(left.data(), n), exact.norm_a.sum);
            const CosineParts parts = kernel().cosine(left.data(), right.data(), n);
            EXPECT_EQ(parts.dot, exact.dot.sum);
            EXPECT_EQ(parts.norm_a, exact.norm_a.sum);
            EXPECT_EQ(parts.norm_b, exact.norm_b.sum);
        }
    }
}

TEST_P(EachIsa, SumsOfRealsStayWithinTheirRoundingBound) {
    for (std::size_t n : border_lengths()) {
        const auto a = reals(n, random), b = reals(n, random);
        const References reference(a, b);
        SCOPED_TRACE(testing::Message() << "length " << n);
        const auto near = [n](double got, const Reference& wanted) {
            EXPECT_NEAR(got, wanted.sum, wanted.tolerance(n));
        };
        near(kernel().l2_squared(a.data(), b.data(), n), reference.l2);
        near(kernel().inner_product(a.data(), b.data(), n), reference.dot);
        near(kernel().l1(a.data(), b.data(), n), reference.l1);
        const CosineParts parts = kernel().cosine(a.data(), b.data(), n);
        near(parts.dot, reference.dot);
        near(parts.norm_a, reference.norm_a);
        near(parts.norm_b, reference.norm_b);
        EXPECT_NEAR(kernel().squared_norm(a.data(), n), reference.norm_a.sum,
                    reference.norm_a.sum * static_cast<double>(n + 4) * 0x1p-53);
    }
}

TEST_P(EachIsa, DistancesFromEachRowAreThoseOfPairs) {
    for (const std::size_t n : {1, 7, 8, 16, 33, 128})
        for (const std::size_t count : {1, 7, 8, 9, 40}) {
            SCOPED_TRACE(testing::Message() << count << " rows of length " << n);
            const std::size_t stride = n + 3;
            const auto x = whole_numbers(n, random), rows = whole_numbers(stride * count, random);
            std::vector<std::uint32_t> numbers(count);
            for (std::uint32_t& number : numbers)
                number = static_cast<std::uint32_t>(random() % count);
            for (const bool is_numbered : {false, true}) {
                std::vector<float> out(count + 1, -1.0f);
                kernel().l2_squared_each(x.data(),
                                         {rows.data(), stride, is_numbered ? numbers.data() : nullptr, count},
                                         n, out.data());
                for (std::size_t i = 0; i < count; ++i)
                    ASSERT_EQ(out[i], kernel().l2_squared(x.data(),
                                                          &rows[(is_numbered ? numbers[i] : i) * stride], n));
                EXPECT_EQ(out.back(), -1.0f) << "wrote past the end";
            }
        }
}

TEST_P(EachIsa, SumsOverflowToInfinityAndNotToNaN) {
    for (std::size_t n : {1, 3, 7, 9, 17, 33, 70}) {
        SCOPED_TRACE(testing::Message() << "length " << n);
        const std::vector<float> a(n, 3e38f), b(n, -3e38f);
        EXPECT_EQ(kernel().l2_squared(a.data(), b.data(), n), infinity);
        EXPECT_EQ(kernel().inner_product(a.data(), a.data(), n), infinity);
        EXPECT_EQ(kernel().inner_product(a.data(), b.data(), n), -infinity);
        EXPECT_EQ(kernel().l1(a.data(), b.data(), n), infinity);
        EXPECT_TRUE(std::isfinite(kernel().squared_norm(a.data(), n)));
    }
}

TEST_P(EachIsa, ElementwiseResultsAreTheSameBitForBit) {
    for (std::size_t n : border_lengths()) {
        SCOPED_TRACE(testing::Message() << "length " << n);
        const auto a = reals(n, random), b = reals(n, random);
        const Floats left(a, 1), right(b, 2);
        std::vector<float> sum(n + 1, -1.0f), difference(n + 1, -1.0f), product(n + 1, -1.0f),
            quotient(n + 1, -1.0f);
        std::vector<double> sums(n, 0.25);
        EXPECT_TRUE(kernel().add(left.data(), right.data(), sum.data(), n));
        EXPECT_TRUE(kernel().sub(left.data(), right.data(), difference.data(), n));
        EXPECT_TRUE(kernel().mul(left.data(), right.data(), product.data(), n));
        EXPECT_TRUE(kernel().divide(left.data(), 3.7, quotient.data(), n));
        EXPECT_TRUE(kernel().accumulate(sums.data(), left.data(), n));
        for (std::size_t i = 0; i < n; ++i) {
            ASSERT_EQ(sum[i], a[i] + b[i]);
            ASSERT_EQ(difference[i], a[i] - b[i]);
            ASSERT_EQ(product[i], a[i] * b[i]);
            ASSERT_EQ(quotient[i], static_cast<float>(a[i] / 3.7));
            ASSERT_EQ(sums[i], 0.25 + a[i]);
        }
        for (const auto* out : {&sum, &difference, &product, &quotient})
            EXPECT_EQ(out->back(), -1.0f) << "wrote past the end";
    }
}

TEST_P(EachIsa, EveryElementThatLeavesTheRangeIsNoticed) {
    for (std::size_t n : {1, 2, 5, 8, 15, 16, 31, 47}) {
        for (std::size_t at = 0; at < n; ++at) {
            SCOPED_TRACE(testing::Message() << "length " << n << ", element " << at);
            std::vector<float> ones(n, 1.0f), out(n), huge = ones, tiny = ones, zero = ones;
            huge[at] = 3e38f;
            tiny[at] = 1e-30f;
            zero[at] = 0.0f;
            std::vector<float> minus = huge;
            minus[at] = -3e38f;
            EXPECT_FALSE(kernel().add(huge.data(), huge.data(), out.data(), n));
            EXPECT_FALSE(kernel().sub(huge.data(), minus.data(), out.data(), n));
            EXPECT_FALSE(kernel().mul(huge.data(), huge.data(), out.data(), n));
            EXPECT_FALSE(kernel().mul(tiny.data(), tiny.data(), out.data(), n)) << "lost to zero";
            EXPECT_TRUE(kernel().mul(zero.data(), tiny.data(), out.data(), n)) << "a true zero";
            EXPECT_TRUE(kernel().mul(tiny.data(), zero.data(), out.data(), n)) << "a true zero";
            EXPECT_FALSE(kernel().divide(huge.data(), 0.1, out.data(), n));
            std::vector<double> sums(n, 1.0);
            sums[at] = std::numeric_limits<double>::infinity();
            EXPECT_FALSE(kernel().accumulate(sums.data(), ones.data(), n));
            for (float bad : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
                std::vector<float> values = ones;
                EXPECT_TRUE(kernel().all_finite(values.data(), n));
                values[at] = bad;
                EXPECT_FALSE(kernel().all_finite(values.data(), n));
            }
        }
    }
}

TEST_P(EachIsa, SignsAndBitCountsMatchTheirDefinition) {
    for (std::size_t n : border_lengths()) {
        SCOPED_TRACE(testing::Message() << "length " << n);
        const auto a = whole_numbers(n, random), b = whole_numbers(n, random);
        const std::size_t bytes = (n + 7) / 8;
        std::vector<std::uint8_t> x(bytes + 1, 0xAA), y(bytes + 1, 0xAA);
        kernel().signs(a.data(), x.data(), n);
        kernel().signs(b.data(), y.data(), n);
        std::uint64_t different = 0, both = 0, either = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const bool in_x = a[i] > 0, in_y = b[i] > 0;
            ASSERT_EQ((x[i / 8] >> (7 - i % 8)) & 1, in_x);
            different += in_x != in_y;
            both += in_x && in_y;
            either += in_x || in_y;
        }
        EXPECT_EQ(x.back(), 0xAA) << "wrote past the end";
        EXPECT_EQ(kernel().bits_different(x.data(), y.data(), bytes), different);
        EXPECT_EQ(kernel().bits_overlap(x.data(), y.data(), bytes).both, both);
        EXPECT_EQ(kernel().bits_overlap(x.data(), y.data(), bytes).either, either);
    }
}

INSTANTIATE_TEST_SUITE_P(Simd, EachIsa, testing::ValuesIn(runnable()),
                         [](const auto& info) { return std::string(name(info.param)); });

/// Ends the run: what the machine has must have run. Gone unnoticed, a filter or a detection that broke would
/// leave sets untested.
class RanWhatTheMachineHas : public testing::Environment {
    void TearDown() override {
        if (EachIsa::ran().empty()) return;                       // Another suite was asked for.
        if (std::getenv("GTEST_TOTAL_SHARDS") != nullptr) return; // Other shares of the tests run the rest.
        for (Isa isa : best_first) {
            const bool ran = EachIsa::ran().contains(isa);
            std::printf("simd: %-6s %s\n", name(isa), ran ? "ran" : "not run, this machine lacks it");
            EXPECT_EQ(ran, available(isa)) << name(isa) << " was not tested though this machine runs it";
        }
    }
};
[[maybe_unused]] const auto* const environment = testing::AddGlobalTestEnvironment(new RanWhatTheMachineHas);

} // namespace
} // namespace soup::simd
