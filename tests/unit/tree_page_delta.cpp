// A page's delta: applied to the page from before it gives the one from after, whatever was changed; and its
// form is what the server's redo expects.
#include "core/tree/page_delta.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace soup::tree {
namespace {

using Bytes = std::vector<std::byte>;

struct Stretch {
    std::size_t offset, length;
    friend bool operator==(const Stretch&, const Stretch&) = default;
};

Bytes delta_of(const Bytes& before, const Bytes& after) {
    Bytes into(delta_bytes_max);
    const auto written = write_delta(before.data(), after.data(), into.data());
    EXPECT_EQ(written.data(), into.data());
    EXPECT_LE(written.size(), into.size());
    into.resize(written.size());
    return into;
}

std::vector<Stretch> stretches_of(const Bytes& delta) {
    std::vector<Stretch> all;
    for (std::size_t at = 0; at < delta.size(); at += 4 + all.back().length) {
        std::uint16_t head[2];
        std::memcpy(head, delta.data() + at, sizeof head);
        all.push_back({head[0], head[1]});
    }
    return all;
}

Bytes noise(std::mt19937& random) {
    Bytes page(page_bytes);
    for (std::byte& byte : page)
        byte = static_cast<std::byte>(random());
    return page;
}

/// Flips every bit of a part, so that all of its bytes differ.
void flip(Bytes& page, std::size_t offset, std::size_t length) {
    for (std::size_t i = offset; i < offset + length; ++i)
        page[i] = ~page[i];
}

TEST(PageDelta, EqualPagesHaveNone) {
    std::mt19937 random(1);
    const Bytes page = noise(random);
    EXPECT_TRUE(delta_of(page, page).empty());
}

TEST(PageDelta, NamesWhatDiffers) {
    std::mt19937 random(2);
    const Bytes before = noise(random);
    const Stretch whole{0, page_bytes};
    for (const std::vector<Stretch>& changed : std::vector<std::vector<Stretch>>{
             {{0, 1}},
             {{page_bytes - 1, 1}},
             {{0, 1}, {page_bytes - 1, 1}},
             {{511, 2}},
             {{512, 512}},
             {{24, 2}, {32, 4}, {1824, 4}, {3616, 4}, {5500, 6}},
             {{3, 7}, {page_bytes - 13, 13}},
             {whole},
         }) {
        Bytes after = before;
        for (const auto& [offset, length] : changed)
            flip(after, offset, length);
        const Bytes delta = delta_of(before, after);
        EXPECT_EQ(stretches_of(delta), changed);
        Bytes redone = before;
        apply_delta(redone.data(), delta);
        EXPECT_EQ(redone, after);
    }
}

TEST(PageDelta, AGapOfAHeadIsNoGap) {
    const Bytes before(page_bytes);
    for (std::size_t at = 0; at < 40; ++at)
        for (std::size_t gap = 1; gap < 12; ++gap) {
            Bytes after = before;
            after[at] = after[at + gap + 1] = std::byte{1};
            const auto found = stretches_of(delta_of(before, after));
            const std::vector<Stretch> one{{at, gap + 2}}, two{{at, 1}, {at + gap + 1, 1}};
            EXPECT_EQ(found, gap <= stretch_head_bytes ? one : two) << at << ", " << gap;
        }
}

// Differences so dense and so apart that a head for each would need more than there is room for.
TEST(PageDelta, IsNeverLongerThanItsBound) {
    const Bytes before(page_bytes);
    std::size_t longest = 0;
    for (std::size_t period = 1; period < 20; ++period)
        for (std::size_t length = 1; length <= period; ++length) {
            Bytes after = before;
            for (std::size_t at = 0; at < page_bytes; ++at)
                if (at % period < length) after[at] = std::byte{1};
            const Bytes delta = delta_of(before, after);
            longest = std::max(longest, delta.size());
            Bytes redone = before;
            apply_delta(redone.data(), delta);
            ASSERT_EQ(redone, after) << period << ", " << length;
        }
    EXPECT_EQ(longest, delta_bytes_max);
}

TEST(PageDelta, RedoGivesThePage) {
    std::mt19937 random(3);
    for (int round = 0; round < 2000; ++round) {
        const Bytes before = noise(random);
        Bytes after = before;
        for (unsigned edits = random() % 30; edits > 0; --edits) {
            const std::size_t offset = random() % page_bytes;
            const std::size_t length =
                std::min<std::size_t>(random() % (round % 10 == 0 ? 3000 : 20) + 1, page_bytes - offset);
            for (std::size_t i = offset; i < offset + length; ++i)
                after[i] = static_cast<std::byte>(random());
        }
        const Bytes delta = delta_of(before, after);
        Bytes redone = before;
        apply_delta(redone.data(), delta);
        ASSERT_EQ(redone, after);
        std::size_t end = 0;
        for (const auto& [offset, length] : stretches_of(delta)) {
            ASSERT_GT(length, 0U);
            ASSERT_TRUE(end == 0 || offset > end + stretch_head_bytes);
            ASSERT_NE(before[offset], after[offset]);
            ASSERT_NE(before[offset + length - 1], after[offset + length - 1]);
            end = offset + length;
            ASSERT_LE(end, page_bytes);
        }
    }
}

} // namespace
} // namespace soup::tree
