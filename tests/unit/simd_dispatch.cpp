// The choice of instruction set: the best one by default, a lower one on demand, none that the machine lacks.
//
// What the machine has is asked of /proc/cpuinfo here, a source other than the one that the code uses.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "core/simd/dispatch.hpp"

namespace soup::simd {
namespace {

std::set<std::string> processor_flags() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("flags")) {
            std::istringstream words(line.substr(line.find(':') + 1));
            return {std::istream_iterator<std::string>(words), {}};
        }
    return {};
}

/// Puts the choice back.
class Dispatch : public testing::Test {
    void TearDown() override { choose(before_); }
    const Isa before_ = chosen();
};

TEST_F(Dispatch, TheKernelSaysWhatTheDetectionSays) {
    const auto flags = processor_flags();
    ASSERT_FALSE(flags.empty()) << "/proc/cpuinfo names no flags";
    EXPECT_TRUE(available(Isa::scalar));
    EXPECT_EQ(available(Isa::ssse3), flags.contains("ssse3"));
    EXPECT_EQ(available(Isa::avx2), flags.contains("avx2") && flags.contains("fma"));
    EXPECT_EQ(available(Isa::avx512), flags.contains("avx512f") && flags.contains("avx512cd") &&
                                          flags.contains("avx512dq") && flags.contains("avx512bw") &&
                                          flags.contains("avx512vl"));
}

TEST_F(Dispatch, TheForcedSetIsTheOneThatRuns) {
    for (Isa isa : best_first) {
        SCOPED_TRACE(name(isa));
        const Isa before = chosen();
        EXPECT_EQ(choose(isa), available(isa));
        EXPECT_EQ(chosen(), available(isa) ? isa : before);
        EXPECT_EQ(&kernels(), &kernels_of(chosen()));
    }
}

TEST_F(Dispatch, TheBestIsTheFirstAvailableInOrder) {
    EXPECT_TRUE(available(best_available()));
    for (Isa isa : best_first) {
        if (isa == best_available()) break;
        EXPECT_FALSE(available(isa)) << name(isa);
    }
}

TEST_F(Dispatch, NamesAreReadBack) {
    for (Isa isa : best_first)
        EXPECT_EQ(isa_named(name(isa)), isa);
    EXPECT_EQ(isa_named("auto"), std::nullopt);
    EXPECT_EQ(isa_named("AVX2"), std::nullopt);
    EXPECT_EQ(isa_named(""), std::nullopt);
}

TEST_F(Dispatch, EverySetHasItsOwnTable) {
    std::set<const Kernels*> tables;
    for (Isa isa : best_first)
        tables.insert(&kernels_of(isa));
    EXPECT_EQ(tables.size(), best_first.size());
}

} // namespace
} // namespace soup::simd
