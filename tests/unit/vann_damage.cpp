// Damaged pages: whatever bytes a page has, every operation ends, with an answer or with XX002, and verify
// finds what was damaged. Run under the address sanitizer this also shows that nothing is read beyond a page;
// tests/fuzz/fuzz_vann_page.cpp goes on where this ends.
#include "tests/unit/vann_fixture.hpp"

#include "core/vann/detail_page.hpp"
#include "core/vann/score.hpp"

namespace soup::vann::test {
namespace {

/// A tree with inner pages, several leaves, and a chain.
class Damage : public testing::TestWithParam<unsigned> {
protected:
    Damage() : tree_(make_parameters(GetParam(), Metric::l2, 3)) {
        const Floats again = normal(GetParam(), random_);
        for (std::uint64_t row = 0; row < 1500; ++row)
            tree_.insert(row, row % 3 == 0 ? again : normal(GetParam(), random_, 3));
        EXPECT_EQ(tree_.violations(), nothing_wrong);
    }

    std::vector<tree::Block> blocks_of(tree::PageKind kind) {
        std::vector<tree::Block> blocks;
        for (tree::Block block = 1; block < tree_.store.block_count(); ++block)
            if (tree_.store.lock(block, tree::Lock::shared).tail().kind == kind) blocks.push_back(block);
        // A few of each kind say as much as all.
        while (blocks.size() > 6)
            blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(random_() % blocks.size()));
        return blocks;
    }
    /// One of the first eight dimensions, in whose sign the detail of slot 0 has a say: not a zero.
    unsigned sign_of_slot_0(tree::Block leaf) {
        const LeafView view(tree_.layout, tree::body(tree_.store.raw(leaf)), leaf);
        const DetailView details(tree_.layout, tree::body(tree_.store.raw(view.detail_block(0))));
        unsigned dimension = 0;
        while (details[0].code[dimension] == 0)
            ++dimension;
        EXPECT_LT(dimension, 8U);
        return dimension;
    }
    template<class Operation>
    void attempt(Operation operation) {
        try {
            operation();
        } catch (const Error& error) {
            EXPECT_STREQ(error.sqlstate(), "XX002");
        }
    }
    void use_everything() {
        attempt([&] { tree_.violations(); });
        attempt([&] { tree_.rows_of_any_content(); });
        for (int i = 0; i < 3; ++i)
            attempt([&] { tree_.insert(90'000, normal(GetParam(), random_, 3)); });
        attempt([&] { tree_.vacuum([](std::uint64_t row) { return row % 7 == 0; }); });
    }

    std::mt19937_64 random_{GetParam()};
    VannTree tree_;
};

TEST_P(Damage, OfAnyByteEndsInAnAnswerOrAnError) {
    for (const tree::PageKind kind :
         {tree::PageKind::leaf, tree::PageKind::inner, tree::PageKind::companion, tree::PageKind::chain})
        for (const tree::Block block : blocks_of(kind)) {
            std::byte* body = tree::body(tree_.store.raw(block));
            const std::vector<std::byte> good(body, body + tree::body_bytes);
            // The header alone, a few bytes anywhere, and everything.
            for (const std::size_t bytes : {std::size_t{16}, std::size_t{200}, tree::body_bytes}) {
                for (std::size_t i = 0; i < bytes; ++i)
                    body[bytes == 200 ? random_() % tree::body_bytes : i] = static_cast<std::byte>(random_());
                use_everything();
                if (tree_.store.lock(block, tree::Lock::shared).tail().kind != kind) break; // Freed.
                std::copy(good.begin(), good.end(), body);
            }
            if (HasFailure()) return;
        }
}

/// One bit of what matters, wrong: verify says so.
TEST_P(Damage, OfOneBitIsFound) {
    const Layout& layout = tree_.layout;
    const auto expect_found = [&](tree::Block block, std::size_t offset, unsigned bit, const char* what) {
        std::byte& byte = tree::body(tree_.store.raw(block))[offset];
        byte ^= std::byte{static_cast<unsigned char>(1U << bit)};
        EXPECT_FALSE(tree_.violations().empty()) << what;
        byte ^= std::byte{static_cast<unsigned char>(1U << bit)};
    };
    const tree::Block leaf = blocks_of(tree::PageKind::leaf).front();
    expect_found(leaf, 0, 0, "used");
    expect_found(leaf, 2, 1, "live");
    expect_found(leaf, 4, 0, "number of detail pages");
    expect_found(leaf, 10, 3, "scale");
    expect_found(leaf, layout.leaf.a + 3, 7, "a's sign");
    expect_found(leaf, layout.leaf.centroid, 3, "centroid");
    for (const tree::Block block : blocks_of(tree::PageKind::leaf))
        if (tree_.store.lock(block, tree::Lock::shared).body()[12] != std::byte{0})
            expect_found(block, 12, 0, "whether there are chains");
    const tree::Block parent = blocks_of(tree::PageKind::inner).front();
    expect_found(parent, 0, 0, "count");
    expect_found(parent, layout.inner.child, 2, "child");
    expect_found(parent, layout.inner.a + 2, 4, "factor of a child");
    expect_found(parent, layout.inner.codes, 2, "code of a child");
    expect_found(parent, layout.inner.spread, 2, "spread of a child");
    expect_found(parent, offsetof(InnerHeader, spread) + 3, 7, "sign of the spread");
    const tree::Block chain = blocks_of(tree::PageKind::chain).front();
    expect_found(chain, 0, 0, "next");
    if (!layout.has_details()) return;
    expect_found(leaf, layout.leaf.codes, sign_of_slot_0(leaf), "code");
    expect_found(leaf, layout.leaf.details, 1, "detail page");
    const tree::Block detail = blocks_of(tree::PageKind::companion).front();
    expect_found(detail, layout.detail.b + 3, 1, "b");
    expect_found(detail, layout.detail.f + 3, 1, "f");
}

INSTANTIATE_TEST_SUITE_P(Vann, Damage, testing::Values(4U, 50U, 400U, 2000U),
                         [](const auto& info) { return std::to_string(info.param) + "Dimensions"; });

} // namespace
} // namespace soup::vann::test
