// Companions that went to another leaf between two batches of a search, as splits free them and hand them out
// at once: what lies there now says nothing of the entries that the search still holds.
#include "tests/unit/vann_search_fixture.hpp"

namespace soup::vann::test {
namespace {

/// Gives each companion to a leaf that is none, with numbers in it that are far from any distance.
void give_companions_away(soup::test::MemoryStore& store) {
    constexpr float far_away = 1e30F;
    for (tree::Block block = 1; block < store.block_count(); ++block) {
        std::byte* page = store.raw(block);
        tree::Tail& tail = tree::tail(page);
        if (tail.kind != tree::PageKind::companion) continue;
        tail.owner = store.block_count();
        auto* body = tree::body(page);
        for (std::size_t at = 0; at < tree::body_bytes; at += sizeof far_away)
            std::memcpy(body + at, &far_away, sizeof far_away);
    }
}

TEST(VannReuse, OfACompanionLeavesTheLeafsOwnEstimate) {
    Clustered source(64, 20, 5);
    const auto vectors = source.next(4000);
    BuiltTree tree(make_parameters(64));
    tree.build(vectors);
    const Floats asked = source.next();

    const soup::test::MemoryStore::Transaction transaction(tree.store);
    Asking asking(tree, asked, {.probes = 4, .rerank = 10});
    std::vector<std::uint64_t> found;
    while (const auto next = asking.search.next()) {
        found.push_back(VannTree::row(next->address));
        const double distance = squared_distance(vectors[found.back()], asked);
        // An estimate of one bit a dimension; numbers of another leaf are nowhere near.
        ASSERT_NEAR(asking.query.reported(next->order), std::sqrt(distance), 0.5 * std::sqrt(distance) + 1);
        if (found.size() == 10) give_companions_away(tree.store);
    }
    std::ranges::sort(found);
    EXPECT_EQ(found, first_rows(4000));
}

} // namespace
} // namespace soup::vann::test
