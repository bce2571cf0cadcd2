// What verify compares with the heap: an entry agrees with the row that it was made of, however often splits
// coded it anew, and with no other.
#include "tests/unit/vann_search_fixture.hpp"

#include <map>

namespace soup::vann::test {
namespace {

class RowCheck : public testing::TestWithParam<unsigned> {
protected:
    RowCheck() : tree_(make_parameters(GetParam(), Metric::l2, 3)) {
        Clustered source(GetParam(), 30, GetParam());
        vectors_ = source.next(1500);
        for (std::size_t row = 0; row < vectors_.size(); row += 3)
            vectors_[row] = vectors_[0];
        for (std::uint64_t row = 0; row < vectors_.size(); ++row)
            tree_.insert(row, vectors_[row]);
    }
    /// What a leaf's rows say against being `vector` with the keys of row `row + shift`: texts, counted.
    std::map<std::string, unsigned> contradictions(const std::function<Floats(std::uint64_t)>& vector,
                                                   std::uint64_t shift = 0) {
        const soup::test::MemoryStore::Transaction transaction(tree_.store);
        std::map<std::string, unsigned> found;
        for (tree::Block block = tree::root_block; block < tree_.store.block_count(); ++block) {
            const tree::Page page = tree_.store.lock(block, tree::Lock::shared);
            if (page.tail().kind != tree::PageKind::leaf) continue;
            tree_.geometry.rows(
                tree_.store, page, [&](tree::HeapAddress address, const tree::RowPlace& place) {
                    const std::uint64_t row = VannTree::row(address);
                    const auto keys = tree_.keys(row + shift);
                    const Floats point = tree_.point(vector(row));
                    const char* why =
                        tree_.geometry.contradiction(tree_.store, page, place, {point, address, keys});
                    ++found[why == nullptr ? "none" : why];
                });
        }
        return found;
    }

    std::vector<Floats> vectors_;
    VannTree tree_;
};

using Counts = std::map<std::string, unsigned>;

TEST_P(RowCheck, AgreesWithTheRow) {
    EXPECT_EQ(contradictions([&](std::uint64_t row) { return vectors_[row]; }), (Counts{{"none", 1500}}));
}
TEST_P(RowCheck, FindsAnotherVector) {
    std::mt19937_64 random(1);
    EXPECT_EQ(contradictions([&](std::uint64_t) { return normal(GetParam(), random, 3); }),
              (Counts{{"its code is not of the row's vector", 1500}}));
}
TEST_P(RowCheck, FindsOtherKeys) {
    EXPECT_EQ(contradictions([&](std::uint64_t row) { return vectors_[row]; }, 1),
              (Counts{{"its key columns are not the row's", 1500}}));
}
INSTANTIATE_TEST_SUITE_P(Dimensions, RowCheck, testing::Values(6, 32, 33, 128, 784));

} // namespace
} // namespace soup::vann::test
