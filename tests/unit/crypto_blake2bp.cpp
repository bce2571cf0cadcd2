// BLAKE2bp as others compute it, by every way of running its leaves: the BLAKE2 authors' own digest of
// nothing, the rest by Python's hashlib, whose blake2b takes the tree's parameters. Lengths stand around the
// borders of blocks, stripes and of what a leaf keeps for its last block.
#include "core/crypto/blake2bp.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace soup::crypto {
namespace {

struct Known {
    std::size_t bytes;
    const char* digest;
};

constexpr Known known[] = {
    {0, "b5ef811a8038f70b628fa8b294daae7492b1ebe343a80eaabbf1f6ae664dd67b"},
    {1, "a139280e72757b723e6473d5be59f36e9d50fc5cd7d4585cbc09804895a36c52"},
    {128, "a92fd23dd7f0cb39d082fe107350eb526835d10b065b4e820dec477512de13a6"},
    {384, "5af761a16a69395e66fb506fee44724055d6bd636ab9b254241c009f916079e7"},
    {385, "7623b2bdb27cb9a2c309cd12079798cc8a08f756efb7393614e752d77a25db6b"},
    {512, "be2feec3d008eb73e16e1ae6fd89661d39a60c6ac772bc2cf3f0b863021fa019"},
    {513, "61a284416ec391cfdd70df7e3a0cc3539b1f16376cf7ac1234ae868f2d8af9f9"},
    {896, "7c079c1a43e0c5b5f91ae7172d35bab8efc042d4123a5b72a767d042535b39d9"},
    {897, "4b6f69d76b9d4c367648b708a250a702d1a16e3a4eb1099e09486cd398523b0d"},
    {5000, "f82a73b1d75f4fa84debf624221e09c3d5a6ed7639c9d271ce399d6b08f6bfbe"},
    {65536, "a0303681890da62aa9191722364ce4e455d17b4201b0a0b4e708f18af892d7dd"},
};

std::vector<std::byte> pattern(std::size_t bytes) {
    std::vector<std::byte> out(bytes);
    for (std::size_t i = 0; i < bytes; ++i)
        out[i] = static_cast<std::byte>(i * 7 + i / 256);
    return out;
}

TEST(Blake2bp, IsWhatOthersCompute) {
    for (const StripeRunner& runner : stripe_runners())
        for (const Known& expected : known)
            EXPECT_EQ(hex(parallel_digest(pattern(expected.bytes), runner)), expected.digest)
                << runner.name << ", " << expected.bytes << " bytes";
}

TEST(Blake2bp, RunnersAgreeAtEveryLength) {
    const auto bytes = pattern(3000);
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
        const std::span<const std::byte> piece(bytes.data(), length);
        const Digest expected = parallel_digest(piece, stripe_runners().back());
        for (const StripeRunner& runner : stripe_runners())
            ASSERT_EQ(parallel_digest(piece, runner), expected) << runner.name << ", " << length << " bytes";
    }
}

TEST(Blake2bp, EveryByteCounts) {
    auto bytes = pattern(2049);
    const Digest whole = parallel_digest(bytes);
    for (std::byte& byte : bytes) {
        byte ^= std::byte{1};
        ASSERT_NE(parallel_digest(bytes), whole);
        byte ^= std::byte{1};
    }
}

} // namespace
} // namespace soup::crypto
